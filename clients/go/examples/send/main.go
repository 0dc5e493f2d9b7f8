// Send sends to tokens, and shows what failed: `go run ./examples/send TOKEN…`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"bellwire"
)

func main() {
	ctx := context.Background()
	client, err := bellwire.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}

	var to []bellwire.RecipientRequest
	for _, token := range os.Args[1:] {
		variables := map[string]any{"name": "Ann"}
		to = append(to, bellwire.RecipientRequest{Token: token, Provider: bellwire.ProviderFcm, Variables: variables})
	}
	accepted, err := client.Send(ctx, bellwire.SendRequest{
		To:       to,
		Content:  bellwire.ContentRequest{Title: "Hello {{ name }}", Body: "You have 1 hour until boarding time"},
		Priority: bellwire.PriorityHigh,
	})
	if refusal := bellwire.AsAPIError(err); refusal != nil {
		for _, problem := range refusal.Problems {
			log.Printf("%s: %s", problem.Field, problem.Message)
		}
	}
	if err != nil {
		log.Fatal(err)
	}

	operation, err := client.WaitForCompletion(ctx, accepted.OperationID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s %+v\n", operation.ID, operation.Status, operation.Stats)

	failures := client.ListOperationErrors(operation.ID, bellwire.ListOperationErrorsQuery{})
	for failures.Next(ctx) {
		failure := failures.Item()
		// A failure of the Operation as a whole has no position.
		if failure.Position == nil {
			fmt.Println("the Operation", failure.Code, failure.Message)
			continue
		}
		fmt.Println("recipient", *failure.Position, failure.Code, failure.Message)
	}
	if err := failures.Err(); err != nil {
		log.Fatal(err)
	}
}
