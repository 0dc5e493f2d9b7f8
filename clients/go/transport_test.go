package bellwire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answer is what a server says; status 0: it closes the connection instead.
type answer struct {
	status     int
	retryAfter string
	body       any
}

type request struct{ path, query, key string }

var accepted = answer{202, "", AcceptedOperation{OperationID: "comms_operation_1"}}

func refusal(status int, retryAfter string) answer {
	return answer{status, retryAfter, map[string]any{"code": status, "message": "Not now"}}
}

// against returns a client of a server that gives these answers in turn, and what it was asked.
func against(t *testing.T, answers ...answer) (*Client, *[]request) {
	t.Helper()
	var requests []request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, request{r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Idempotency-Key")})
		next := answers[0]
		answers = answers[1:]
		if next.status == 0 {
			panic(http.ErrAbortHandler)
		}
		if next.retryAfter != "" {
			w.Header().Set("Retry-After", next.retryAfter)
		}
		w.WriteHeader(next.status)
		if err := json.NewEncoder(w).Encode(next.body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)

	client := NewClient(server.URL, "key", "secret")
	client.RetryFor = 5 * time.Second
	return client, &requests
}

func hello(tokens ...string) SendRequest {
	to := make([]RecipientRequest, len(tokens))
	for index, token := range tokens {
		to[index] = RecipientRequest{Token: token, Provider: ProviderFcm}
	}
	return SendRequest{To: to, Content: ContentRequest{Title: "Hello"}}
}

func TestARefusedOrLostPostIsRepeatedWithItsKey(t *testing.T) {
	client, requests := against(t, refusal(503, "0"), answer{}, refusal(429, "0"), accepted)

	operation, err := client.Send(context.Background(), hello("a"))
	if err != nil || operation.OperationID != "comms_operation_1" {
		t.Fatal(operation, err)
	}
	if len(*requests) != 4 {
		t.Fatal(*requests)
	}
	for _, each := range *requests {
		if each.key == "" || each.key != (*requests)[0].key {
			t.Error("not one key", *requests)
		}
	}
}

func TestAPostWithoutAKeyIsNotRepeatedAfterALostAnswer(t *testing.T) {
	client, requests := against(t, answer{}, accepted)
	if _, err := client.CreateKey(context.Background(), &KeyRequest{}); err == nil || AsAPIError(err) != nil {
		t.Error(err)
	}
	if len(*requests) != 1 {
		t.Error(*requests)
	}
}

func TestADefectAndAWrongRequestAreNotRepeated(t *testing.T) {
	for _, status := range []int{500, 400, 409} {
		client, _ := against(t, refusal(status, ""))
		_, err := client.FetchUser(context.Background(), "u")
		if refused := AsAPIError(err); refused == nil || refused.Status != status || refused.Message != "Not now" {
			t.Error(err)
		}
	}
}

func TestADelayBeyondTheLimitEndsTheRetries(t *testing.T) {
	client, _ := against(t, refusal(429, "600"))
	if _, err := client.FetchUser(context.Background(), "u"); AsAPIError(err) == nil {
		t.Error(err)
	}
}

func TestAContextEndsTheRetries(t *testing.T) {
	client, _ := against(t, refusal(429, "2"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.FetchUser(ctx, "u"); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

func TestAnAnswerOfAProxyIsAnErrorToo(t *testing.T) {
	client, requests := against(t, answer{404, "", "no such host"})
	_, err := client.FetchUser(context.Background(), "a/b")
	if refused := AsAPIError(err); refused == nil || refused.Code != 404 || !strings.Contains(refused.Message, "no such host") {
		t.Error(err)
	}
	if !strings.HasSuffix((*requests)[0].path, "/Users/a%2Fb") {
		t.Error(*requests)
	}
}

func TestOnlyNullEndsAList(t *testing.T) {
	page := func(next string, ids ...string) answer {
		users := []map[string]string{}
		for _, id := range ids {
			users = append(users, map[string]string{"id": id})
		}
		pagination := map[string]any{"self": "x", "next": nil}
		if next != "" {
			pagination["next"] = next
		}
		return answer{200, "", map[string]any{"users": users, "pagination": pagination}}
	}
	client, requests := against(t, page("a", "1"), page("b"), page("", "2", "3"))

	users, err := client.ListUsers(ListUsersQuery{PageSize: 2}).All(context.Background())
	if err != nil || len(users) != 3 || users[2].ID != "3" {
		t.Fatal(users, err)
	}
	want := "[pageSize=2 pageSize=2&pageToken=a pageSize=2&pageToken=b]"
	var queries []string
	for _, each := range *requests {
		queries = append(queries, each.query)
	}
	if got := fmt.Sprint(queries); got != want {
		t.Error(got)
	}
}

func TestARetryAfterIsSecondsOrADate(t *testing.T) {
	if delay, ok := retryAfter("3"); !ok || delay != 3*time.Second {
		t.Error(delay)
	}
	if delay, ok := retryAfter("Mon, 01 Jan 2024 00:00:00 GMT"); !ok || delay != 0 {
		t.Error(delay)
	}
	for _, wrong := range []string{"", "soon", "-1"} {
		if _, ok := retryAfter(wrong); ok {
			t.Error(wrong)
		}
	}
}
