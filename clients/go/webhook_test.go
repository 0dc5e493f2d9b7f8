package bellwire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

const (
	webhookKey  = "0123456789abcdef"
	webhookBody = `{"type":"webhook.test","timestamp":"2026-11-26T05:00:00Z","data":{}}`
)

func signed(age time.Duration, key, body string) http.Header {
	timestamp := fmt.Sprint(time.Now().Add(-age).Unix())
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "msg_1.%s.%s", timestamp, body)

	header := http.Header{}
	header.Set("webhook-id", "msg_1")
	header.Set("webhook-timestamp", timestamp)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return header
}

func with(header http.Header, name, value string) http.Header {
	header.Set(name, value)
	return header
}

func verifier(t *testing.T) *WebhookVerifier {
	t.Helper()
	verifier, err := NewWebhookVerifier("whsec_" + base64.StdEncoding.EncodeToString([]byte(webhookKey)))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func TestARequestOfBellwireIsVerified(t *testing.T) {
	event, err := verifier(t).Verify([]byte(webhookBody), signed(0, webhookKey, webhookBody))
	if err != nil || event.Type != "webhook.test" {
		t.Error(event, err)
	}
}

func TestOneOfSeveralSignaturesSuffices(t *testing.T) {
	header := signed(0, webhookKey, webhookBody)
	both := signed(0, "another", webhookBody).Get("webhook-signature") + " " + header.Get("webhook-signature")
	if _, err := verifier(t).Verify([]byte(webhookBody), with(header, "webhook-signature", both)); err != nil {
		t.Error(err)
	}
}

func TestAnyOtherRequestIsRefused(t *testing.T) {
	good := func() http.Header { return signed(0, webhookKey, webhookBody) }
	forged := map[string]http.Header{
		"a changed body":             signed(0, webhookKey, webhookBody+" "),
		"another secret":             signed(0, "another", webhookBody),
		"an old request":             signed(400*time.Second, webhookKey, webhookBody),
		"a request of the future":    signed(-400*time.Second, webhookKey, webhookBody),
		"a time that is none":        with(good(), "webhook-timestamp", "now"),
		"a time out of range":        with(good(), "webhook-timestamp", "9223372036854775807"),
		"a signature that is none":   with(good(), "webhook-signature", "v1,%%%"),
		"an empty signature":         with(good(), "webhook-signature", ""),
		"the id of another message ": with(good(), "webhook-id", "msg_2"),
	}
	for what, header := range forged {
		if _, err := verifier(t).Verify([]byte(webhookBody), header); !errors.Is(err, ErrWebhook) {
			t.Error(what, err)
		}
	}
}

func TestASecretMustBeOne(t *testing.T) {
	for _, secret := range []string{"", "whsec_", "whsec_%"} {
		if _, err := NewWebhookVerifier(secret); err == nil {
			t.Error(secret)
		}
	}
}
