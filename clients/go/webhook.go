package bellwire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const defaultTolerance = 5 * time.Minute

// ErrWebhook is in every error of WebhookVerifier.Verify: the request was not made by Bellwire, was changed, or is too old.
var ErrWebhook = errors.New("the webhook is not verified")

// Event is the message that a webhook gets. Data depends on Type.
type Event struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// WebhookVerifier verifies the requests of one webhook, by Standard Webhooks: https://www.standardwebhooks.com.
type WebhookVerifier struct {
	// Tolerance is by how much the time of a request may differ from this machine's.
	Tolerance time.Duration

	key []byte
}

// NewWebhookVerifier takes the secret as Bellwire showed it: whsec_ and base64.
func NewWebhookVerifier(secret string) (*WebhookVerifier, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("secret must be whsec_ and base64, as Bellwire showed it")
	}
	return &WebhookVerifier{Tolerance: defaultTolerance, key: key}, nil
}

// Verify returns the event of a request. `body` is the request's body before anything parsed it.
func (w *WebhookVerifier) Verify(body []byte, header http.Header) (*Event, error) {
	id, timestamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return nil, fmt.Errorf("%w: it must have the headers webhook-id, webhook-timestamp and webhook-signature", ErrWebhook)
	}

	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: webhook-timestamp must be Unix seconds", ErrWebhook)
	}
	age := time.Since(time.Unix(seconds, 0))
	if age > w.Tolerance || age < -w.Tolerance {
		return nil, fmt.Errorf("%w: webhook-timestamp differs by more than %s: the request is old, or a clock is wrong", ErrWebhook, w.Tolerance)
	}

	mac := hmac.New(sha256.New, w.key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))

	// After a rotation of the secret there are two signatures.
	for _, signature := range strings.Fields(signatures) {
		if hmac.Equal([]byte(signature), expected) {
			event := &Event{}
			return event, json.Unmarshal(body, event)
		}
	}
	return nil, fmt.Errorf("%w: no signature matches: the secret is of another webhook, or the body changed", ErrWebhook)
}
