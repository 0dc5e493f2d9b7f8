// Watch shows how an Operation goes on until its end: `go run ./examples/watch OPERATION_ID`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"bellwire"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: watch OPERATION_ID")
	}
	client, err := bellwire.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}

	for {
		// Answers at once when the Operation has ended, else after a second.
		query := bellwire.FetchOperationQuery{Wait: "1s"}
		operation, err := client.FetchOperation(context.Background(), os.Args[1], query)
		if err != nil {
			log.Fatal(err)
		}

		stats := operation.Stats
		fmt.Printf("%s: %d sent, %d failed of %d\n", operation.Status, stats.Sent, stats.Failed, stats.Total)
		if operation.Status == bellwire.OperationStatusCompleted || operation.Status == bellwire.OperationStatusCanceled {
			return
		}
	}
}
