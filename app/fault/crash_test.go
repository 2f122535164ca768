package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// cycles is how often the server is killed.
const cycles = 50

// ledger is what the clients were told is safe.
type ledger struct {
	mu    sync.Mutex
	acked []string
}

func (l *ledger) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, id)
}

// TestR01_KillNine kills the server at random moments under writes, and looks
// after every restart for each message that was acknowledged.
func TestR01_KillNine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server fifty times; run without -short")
	}
	dir, addr := dataDir(t), freeAddr(t)
	p := launch(t, dir, addr).ready()
	token, room := p.setUp()
	var l ledger
	for cycle := range cycles {
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 8 {
			writers.Go(func() { write(ctx, p, token, room, fmt.Sprintf("%d-%d", cycle, w), &l) })
		}
		<-time.After(time.Duration(50+rand.IntN(200)) * time.Millisecond)
		p.kill()
		cancel()
		writers.Wait()
		p = launch(t, dir, addr).ready()
	}
	there := messages(t, p, token, room)
	lost := 0
	for _, id := range l.acked {
		if !there[id] {
			lost++
		}
	}
	t.Logf("%d restarts, %d acknowledged messages, %d lost", cycles, len(l.acked), lost)
	if lost > 0 || len(l.acked) < cycles {
		t.Errorf("%d of %d acknowledged messages are gone", lost, len(l.acked))
	}
}

// write posts messages until the server is gone.
func write(ctx context.Context, p *process, token, room, name string, l *ledger) {
	for i := 0; ctx.Err() == nil; i++ {
		var m struct{ ID string }
		status := p.call(ctx, "POST", "/api/v1/rooms/"+room+"/chat", token,
			map[string]any{"content": "hello", "client_id": fmt.Sprintf("%s-%d", name, i)}, &m)
		switch status {
		case http.StatusCreated:
			l.add(m.ID)
		case 0:
			return
		}
	}
}

// messages reads the whole chat, newest first, and checks that its numbers have
// no gap.
func messages(t *testing.T, p *process, token, room string) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	var before int64
	for {
		path := "/api/v1/rooms/" + room + "/chat?limit=100"
		if before > 0 {
			path += fmt.Sprintf("&before=%d", before)
		}
		var page struct {
			Items []struct {
				ID  string
				Seq int64
			}
		}
		if got := p.call(t.Context(), "GET", path, token, nil, &page); got != http.StatusOK {
			t.Fatalf("read the chat = %d", got)
		}
		for _, m := range page.Items {
			if before > 0 && m.Seq != before-1 {
				t.Fatalf("message %d comes before %d", m.Seq, before)
			}
			before = m.Seq
			there[m.ID] = true
		}
		if len(page.Items) == 0 || before == 1 {
			return there
		}
	}
}
