// Webhookreceiver receives webhooks on port 8000: `WEBHOOK_SECRET=whsec_… go run ./examples/webhookreceiver`.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"

	"bellwire"
)

const maxBody = 8 << 20

func main() {
	verifier, err := bellwire.NewWebhookVerifier(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}

	var seen sync.Map
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		event, err := verifier.Verify(body, r.Header)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}

		// Answer at once, and do the work afterwards. An event may come more than once.
		w.WriteHeader(http.StatusNoContent)
		if _, known := seen.LoadOrStore(r.Header.Get("webhook-id"), true); !known {
			fmt.Println(event.Type, string(event.Data))
		}
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(receive)))
}
