// Drill sends COUNT notifications, one by one, while Bellwire is restarted: it says `half` when half of them are accepted.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"bellwire"
)

const workers = 16

func main() {
	count, err := strconv.ParseInt(os.Getenv("COUNT"), 10, 64)
	if err != nil {
		log.Fatal("COUNT must be a number: ", err)
	}
	client, err := bellwire.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}

	var next, accepted int64
	var group sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := atomic.AddInt64(&next, 1); number <= count; number = atomic.AddInt64(&next, 1) {
				send(client, number)
				if atomic.AddInt64(&accepted, 1) == count/2 {
					fmt.Println("half")
				}
			}
		}()
	}
	group.Wait()
	fmt.Println("done")
}

func send(client *bellwire.Client, number int64) {
	to := []bellwire.RecipientRequest{{Token: fmt.Sprintf("drill-go-%d", number), Provider: bellwire.ProviderFcm}}
	request := bellwire.SendRequest{To: to, Content: bellwire.ContentRequest{Title: "Hello"}}
	if _, err := client.Send(context.Background(), request); err != nil {
		log.Fatal(err)
	}
}
