package bellwire

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
)

// Pager reads a list, page by page. A page may be short or empty although others follow: only a `next` of null ends a list.
//
//	users := client.ListUsers(bellwire.ListUsersQuery{})
//	for users.Next(ctx) {
//		fmt.Println(users.Item().ID)
//	}
//	if err := users.Err(); err != nil { … }
type Pager[T any] struct {
	client  *Client
	path    string
	query   url.Values
	field   string
	page    []T
	current T
	isLast  bool
	err     error
}

func newPager[T any](client *Client, path string, query url.Values, field string) *Pager[T] {
	return &Pager[T]{client: client, path: path, query: query, field: field}
}

// Next goes on to the next record, and fetches a page if needed. It returns false at the end and at an error.
func (p *Pager[T]) Next(ctx context.Context) bool {
	for p.err == nil && len(p.page) == 0 && !p.isLast {
		p.fetch(ctx)
	}
	if p.err != nil || len(p.page) == 0 {
		return false
	}
	p.current, p.page = p.page[0], p.page[1:]
	return true
}

// Item is the record that Next went on to.
func (p *Pager[T]) Item() T { return p.current }

// Err is what ended the list early; nil if nothing did.
func (p *Pager[T]) Err() error { return p.err }

// All reads the rest of the list.
func (p *Pager[T]) All(ctx context.Context) ([]T, error) {
	var all []T
	for p.Next(ctx) {
		all = append(all, p.Item())
	}
	return all, p.Err()
}

func (p *Pager[T]) fetch(ctx context.Context) {
	var answer map[string]json.RawMessage
	if p.err = p.client.do(ctx, call{method: http.MethodGet, path: p.path, query: p.query}, &answer); p.err != nil {
		return
	}

	var pagination Pagination
	if p.err = json.Unmarshal(answer["pagination"], &pagination); p.err != nil {
		return
	}
	p.err = json.Unmarshal(answer[p.field], &p.page)
	p.isLast = pagination.Next == ""
	p.query.Set("pageToken", pagination.Next)
}

// Lines reads an answer of a record on each line, while it arrives. Close it if it is not read to its end.
type Lines[T any] struct {
	body    io.ReadCloser
	reader  *bufio.Reader
	current T
	err     error
}

func newLines[T any](ctx context.Context, c *Client, path string, query url.Values) (*Lines[T], error) {
	header := http.Header{}
	header.Set("Accept", "application/x-ndjson")
	// Its timeout would end a long answer. The context can.
	patient := *c.HTTPClient
	patient.Timeout = 0

	response, err := c.send(ctx, &patient, call{method: http.MethodGet, path: path, query: query}, header, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		return nil, apiError(response, text)
	}
	return &Lines[T]{body: response.Body, reader: bufio.NewReader(response.Body)}, nil
}

// Next goes on to the next record. It returns false at the end and at an error.
func (l *Lines[T]) Next() bool {
	line, err := l.reader.ReadBytes('\n')
	if err == nil || (err == io.EOF && len(line) > 0) {
		var next T
		if err = json.Unmarshal(line, &next); err == nil {
			l.current = next
			return true
		}
	}

	l.body.Close()
	if err != io.EOF {
		l.err = err
	}
	return false
}

// Item is the record that Next went on to.
func (l *Lines[T]) Item() T { return l.current }

// Err is what ended the answer early, such as a connection that broke; nil if nothing did.
func (l *Lines[T]) Err() error { return l.err }

// Close gives up the rest.
func (l *Lines[T]) Close() error { return l.body.Close() }
