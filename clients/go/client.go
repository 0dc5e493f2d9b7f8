// Package bellwire is a client of Bellwire, the push notification service. It needs nothing but the standard library.
package bellwire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	firstDelay   = 250 * time.Millisecond
	longestDelay = 8 * time.Second
	// Longer than the longest `wait`.
	defaultTimeout = 75 * time.Second
	// How long one request waits for an Operation.
	longestWait = 30 * time.Second
)

// Client is a client of one Bellwire and one account. Goroutines may share it.
//
// A request is repeated for up to RetryFor if Bellwire can't be reached, or answers that it can't take it now. A POST carries an
// Idempotency-Key then, so that it is carried out once.
type Client struct {
	// HTTPClient sends the requests.
	HTTPClient *http.Client
	// RetryFor is for how long a request is repeated; 0: it is not.
	RetryFor time.Duration

	url, key, secret string
}

// NewClient returns a client of the Bellwire at an address without a path, such as https://push.example.com.
func NewClient(url, key, secret string) *Client {
	return &Client{
		HTTPClient: &http.Client{Timeout: defaultTimeout},
		RetryFor:   time.Minute,
		url:        strings.TrimRight(url, "/"),
		key:        key,
		secret:     secret,
	}
}

// FromEnvironment returns a client from BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET.
func FromEnvironment() (*Client, error) {
	for _, name := range []string{"BELLWIRE_URL", "BELLWIRE_KEY", "BELLWIRE_SECRET"} {
		if os.Getenv(name) == "" {
			return nil, fmt.Errorf("%s is not set", name)
		}
	}
	return NewClient(os.Getenv("BELLWIRE_URL"), os.Getenv("BELLWIRE_KEY"), os.Getenv("BELLWIRE_SECRET")), nil
}

// Option changes one request.
type Option func(http.Header)

// IdempotencyKey names a request. Within 24 hours, a second one of the same name and content gets the first answer and changes nothing.
func IdempotencyKey(key string) Option {
	return func(header http.Header) { header.Set("Idempotency-Key", key) }
}

// Pointer returns a pointer to a value, for optional fields.
func Pointer[T any](value T) *T { return &value }

// Send sends to up to 10,000 recipients, or to an audience.
func (c *Client) Send(ctx context.Context, request SendRequest, options ...Option) (*AcceptedOperation, error) {
	return c.SendPushNotifications(ctx, request, options...)
}

// Validate checks a send, and stores nothing.
func (c *Client) Validate(ctx context.Context, request SendRequest) (*Validation, error) {
	request.ValidateOnly = Pointer(true)
	return answerOf[Validation](ctx, c, call{method: "POST", path: "/v1/PushNotifications", body: request, takesKey: true})
}

// WaitForCompletion returns the Operation as soon as all of it is sent, failed or canceled. The context limits how long it waits.
func (c *Client) WaitForCompletion(ctx context.Context, operationID string) (*Operation, error) {
	for {
		wait := longestWait
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			wait = time.Until(deadline)
		}
		seconds := math.Max(1, math.Round(wait.Seconds()))

		operation, err := c.FetchOperation(ctx, operationID, FetchOperationQuery{Wait: fmt.Sprintf("%.0fs", seconds)})
		if err != nil {
			return nil, err
		}
		if operation.Status == OperationStatusCompleted || operation.Status == OperationStatusCanceled {
			return operation, nil
		}
	}
}

// call is a request to the API.
type call struct {
	method, path string
	query        url.Values
	body         any
	options      []Option
	takesKey     bool
}

func answerOf[T any](ctx context.Context, c *Client, request call) (*T, error) {
	var answer T
	if err := c.do(ctx, request, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// do sends a request, repeats it where that is safe, and reads the answer into `answer`.
func (c *Client) do(ctx context.Context, request call, answer any) error {
	header, body, err := c.prepare(request)
	if err != nil {
		return err
	}
	isRepeatable := request.method != http.MethodPost || request.takesKey
	giveUpAt := time.Now().Add(c.RetryFor)

	for attempt := 0; ; attempt++ {
		response, err := c.send(ctx, c.HTTPClient, request, header, body)
		delay := backoff(attempt)
		mayRepeat := isRepeatable || isUnconnected(err)

		if err == nil {
			text, readErr := io.ReadAll(response.Body)
			response.Body.Close()

			if err = readErr; err == nil {
				if response.StatusCode < 300 {
					if answer == nil || len(text) == 0 {
						return nil
					}
					return json.Unmarshal(text, answer)
				}

				err = apiError(response, text)
				mayRepeat = isPassing(response.StatusCode) && (isRepeatable || response.StatusCode == http.StatusTooManyRequests)
				if asked, ok := retryAfter(response.Header.Get("Retry-After")); ok {
					delay = asked
				}
			}
		}

		if !mayRepeat || time.Now().Add(delay).After(giveUpAt) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
	}
}

func (c *Client) prepare(request call) (http.Header, []byte, error) {
	header := http.Header{}
	header.Set("Accept", "application/json")

	var body []byte
	if !isNil(request.body) {
		var err error
		if body, err = json.Marshal(request.body); err != nil {
			return nil, nil, err
		}
		header.Set("Content-Type", "application/json")
	}

	if request.takesKey {
		key := make([]byte, 16)
		if _, err := rand.Read(key); err != nil {
			return nil, nil, err
		}
		header.Set("Idempotency-Key", hex.EncodeToString(key))
	}
	for _, option := range request.options {
		option(header)
	}
	return header, body, nil
}

func (c *Client) send(ctx context.Context, client *http.Client, request call, header http.Header, body []byte) (*http.Response, error) {
	address := c.url + request.path
	if len(request.query) > 0 {
		address += "?" + request.query.Encode()
	}
	outgoing, err := http.NewRequestWithContext(ctx, request.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	outgoing.Header = header.Clone()
	outgoing.SetBasicAuth(c.key, c.secret)
	return client.Do(outgoing)
}

// isUnconnected reports whether a connection never opened, so that it carried no request.
func isUnconnected(err error) bool {
	var failure *net.OpError
	return errors.As(err, &failure) && failure.Op == "dial"
}

// isPassing reports whether the service, or a proxy in front of it, is unavailable for a moment. A 500 is a defect, which a repeat does not mend.
func isPassing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backoff is random, so that clients do not come back together.
func backoff(attempt int) time.Duration {
	delay := math.Min(float64(firstDelay)*math.Pow(2, float64(attempt)), float64(longestDelay))
	return time.Duration(delay * (0.5 + mathrand.Float64()/2))
}

// retryAfter reads a Retry-After header: seconds, or a date.
func retryAfter(value string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		if left := time.Until(at); left > 0 {
			return left, true
		}
		return 0, true
	}
	return 0, false
}

// path puts escaped values into the places %s of a path.
func path(template string, values ...string) string {
	escaped := make([]any, len(values))
	for index, value := range values {
		escaped[index] = url.PathEscape(value)
	}
	return fmt.Sprintf(template, escaped...)
}

// parameters leaves out what is zero.
func parameters(given map[string]any) url.Values {
	values := url.Values{}
	for name, value := range given {
		switch value := value.(type) {
		case int64:
			if value != 0 {
				values.Set(name, strconv.FormatInt(value, 10))
			}
		case *bool:
			if value != nil {
				values.Set(name, strconv.FormatBool(*value))
			}
		default:
			if text := fmt.Sprint(value); text != "" {
				values.Set(name, text)
			}
		}
	}
	return values
}

func isNil(body any) bool {
	if body == nil {
		return true
	}
	text, err := json.Marshal(body)
	return err == nil && string(text) == "null"
}

// Problem is one problem of a request.
type Problem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// APIError is the error of a request that Bellwire refused. Nothing was changed.
type APIError struct {
	// Status is the HTTP status.
	Status int `json:"-"`
	// Code is Bellwire's code, or the status if it has none of its own.
	Code int `json:"code"`
	// Message is a sentence for people.
	Message string `json:"message"`
	// Problems are all problems of the request, each with its field.
	Problems []Problem `json:"errors"`
}

func (e *APIError) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Message) }

// Field is the field of the first problem; empty if there is none.
func (e *APIError) Field() string {
	if len(e.Problems) == 0 {
		return ""
	}
	return e.Problems[0].Field
}

func apiError(response *http.Response, text []byte) error {
	refusal := &APIError{Status: response.StatusCode}
	if err := json.Unmarshal(text, refusal); err != nil || refusal.Message == "" {
		// Of a proxy.
		if len(text) > 200 {
			text = text[:200]
		}
		refusal.Code = response.StatusCode
		refusal.Message = strings.TrimSpace(http.StatusText(response.StatusCode) + " " + string(text))
	}
	return refusal
}

// AsAPIError returns the refusal in an error, or nil.
func AsAPIError(err error) *APIError {
	var refusal *APIError
	if errors.As(err, &refusal) {
		return refusal
	}
	return nil
}
