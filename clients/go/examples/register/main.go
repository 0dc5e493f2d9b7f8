// Register registers a device and sends to its User: `go run ./examples/register APP TOKEN`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"bellwire"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: register APP TOKEN")
	}
	app, token := os.Args[1], os.Args[2]
	ctx := context.Background()
	client, err := bellwire.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}

	registered, err := client.RegisterDevice(ctx, bellwire.RegisterRequest{
		AppName:  app,
		Token:    token,
		Provider: bellwire.ProviderFcm,
		Tags:     map[string]string{"tier": "gold"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("User", registered.UserID, "device", registered.DeviceID)

	// Keep the UserID beside your own user: this is who you send to.
	accepted, err := client.Send(ctx, bellwire.SendRequest{
		To:      []bellwire.RecipientRequest{{UserID: registered.UserID}},
		From:    &bellwire.SenderRequest{AppName: app},
		Content: bellwire.ContentRequest{Title: "Welcome"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Operation", accepted.OperationID)
}
