// Go's net/http, in eight goroutines.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

func main() {
	count, err := strconv.ParseInt(os.Getenv("COUNT"), 10, 64)
	if err != nil {
		log.Fatal(err)
	}

	var next int64
	var group sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := atomic.AddInt64(&next, 1); number <= count; number = atomic.AddInt64(&next, 1) {
				fmt.Println(post(number))
			}
		}()
	}
	group.Wait()
}

func post(number int64) string {
	body := fmt.Sprintf(`{"to": [{"token": "net-http-%d", "provider": "FCM"}], "content": {"title": "Hello"}}`, number)
	request, err := http.NewRequest("POST", os.Getenv("BELLWIRE_URL")+"/v1/PushNotifications", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth(os.Getenv("BELLWIRE_KEY"), os.Getenv("BELLWIRE_SECRET"))
	request.Header.Set("Content-Type", "application/json")

	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 202 {
		log.Fatal(answer.Status, string(text), err)
	}

	var accepted struct{ OperationID string }
	if err := json.Unmarshal(text, &accepted); err != nil {
		log.Fatal(err)
	}
	return accepted.OperationID
}
