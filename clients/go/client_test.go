package bellwire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// running returns a client of the Bellwire that the environment names.
func running(t *testing.T) *Client {
	t.Helper()
	if os.Getenv("BELLWIRE_URL") == "" {
		t.Skip("BELLWIRE_URL is not set")
	}
	client, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func must[T any](t *testing.T, err error, value T) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestASendIsFollowedToItsEnd(t *testing.T) {
	client, ctx := running(t), context.Background()
	accepted, err := client.Send(ctx, hello("go-1", "go-2", "go~UNREGISTERED"))
	id := must(t, err, accepted).OperationID

	operation, err := client.WaitForCompletion(ctx, id)
	stats := must(t, err, operation).Stats
	if operation.Status != OperationStatusCompleted || stats.Sent != 2 || stats.Failed != 1 {
		t.Error(operation)
	}

	failures, err := client.ListOperationErrors(id, ListOperationErrorsQuery{}).All(ctx)
	if len(must(t, err, failures)) != 1 || failures[0].Code != "UNREGISTERED" || *failures[0].Position != 2 {
		t.Error(failures)
	}

	results, err := client.ExportOperationResults(ctx, id)
	must(t, err, results)
	var statuses []PushNotificationStatus
	for results.Next() {
		statuses = append(statuses, results.Item().Status)
	}
	if results.Err() != nil || fmt.Sprint(statuses) != "[SENT SENT FAILED]" {
		t.Error(statuses, results.Err())
	}
}

func TestAListHasEveryRecord(t *testing.T) {
	client, ctx := running(t), context.Background()
	accepted, err := client.Send(ctx, hello("go-p1", "go-p2", "go-p3", "go-p4", "go-p5"))
	query := ListPushNotificationsQuery{OperationID: must(t, err, accepted).OperationID, PageSize: 2}

	all, err := client.ListPushNotifications(query).All(ctx)
	if len(must(t, err, all)) != 5 {
		t.Error(len(all))
	}
}

func TestAnErrorNamesItsField(t *testing.T) {
	client := running(t)
	_, err := client.Send(context.Background(), SendRequest{To: []RecipientRequest{{Token: "a", Provider: "GCM"}}})
	refusal := AsAPIError(err)
	if refusal == nil || refusal.Status != 400 || refusal.Code != 400 || refusal.Field() != "to[0].provider" {
		t.Error(err)
	}
}

func TestOneKeyIsOneSend(t *testing.T) {
	client, ctx := running(t), context.Background()
	key := IdempotencyKey(fmt.Sprint(time.Now().UnixNano()))
	first, err := client.Send(ctx, hello("go-key"), key)
	must(t, err, first)
	second, err := client.Send(ctx, hello("go-key"), key)
	if *must(t, err, second) != *first {
		t.Error(first, second)
	}
	if _, err := client.Send(ctx, hello("go-other"), key); AsAPIError(err) == nil || AsAPIError(err).Status != 409 {
		t.Error(err)
	}
}

func TestADeviceIsRegisteredAndItsUserIsReached(t *testing.T) {
	client, ctx := running(t), context.Background()
	device := RegisterRequest{AppName: "demo", Token: fmt.Sprintf("go-%d", time.Now().UnixNano()), Provider: ProviderFcm}
	registered, err := client.RegisterDevice(ctx, device)
	user := must(t, err, registered).UserID

	registrations, err := client.ListDeviceRegistrations(ListDeviceRegistrationsQuery{UserID: user}).All(ctx)
	if len(must(t, err, registrations)) != 1 || registrations[0].ID != registered.ResourceID {
		t.Error(registrations)
	}

	request := SendRequest{
		To:      []RecipientRequest{{UserID: user}},
		Content: ContentRequest{Title: "Hello"},
		From:    &SenderRequest{AppName: "demo"},
	}
	validation, err := client.Validate(ctx, request)
	if !must(t, err, validation).Valid {
		t.Error(validation)
	}
	accepted, err := client.Send(ctx, request)
	operation, err := client.WaitForCompletion(ctx, must(t, err, accepted).OperationID)
	if must(t, err, operation).Stats.Sent != 1 {
		t.Error(operation)
	}
	if err := client.DeleteUser(ctx, user, DeleteUserQuery{}); err != nil {
		t.Error(err)
	}
}

func TestWaitingEnds(t *testing.T) {
	client, ctx := running(t), context.Background()
	accepted, err := client.Send(ctx, hello("go~UNAVAILABLE"))
	id := must(t, err, accepted).OperationID

	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := client.WaitForCompletion(short, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := client.CancelOperation(ctx, id); err != nil {
		t.Error(err)
	}
}
