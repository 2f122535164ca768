package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// documentIntro is what a client's author must know before the messages.
const documentIntro = `# The room's WebSocket

1. ` + "`POST /api/v1/tickets {\"room_id\":…,\"purpose\":\"ws\"}`" + ` with the access token of an account or the token of a guest. The answer has ` + "`ws_url`" + `; it works once, within 30 seconds.
2. Open it with the subprotocol ` + "`synctv.v1`" + `. Text frames, one JSON message each, no compression. A message of yours is at most %d KiB.
3. Say ` + "`hello`" + ` within five seconds. ` + "`resume`" + ` is the epoch and the number (` + "`seq`" + `) of the last event you have seen, or null. The answer is ` + "`welcome`" + `, then the events you have missed, or ` + "`resync`" + ` when too many passed: take its state and read lists again.
4. Events carry ` + "`seq`" + `; direct answers do not. Names and numbers are exactly as below; unknown fields of ours are to be ignored, unknown fields of yours are refused.

Measure the clock with ` + "`clock.ping`" + `: t0 is your clock, t1 and t2 are the server's media clock when it read and wrote. offset = ((t1-t0)+(t2-t3))/2. The position of the film at an instant t of that clock is ` + "`position + max(0, t - updated_at)/1000 * rate`" + ` while it plays and no hold is set.

A ` + "`playback.state`" + ` with the ` + "`op`" + ` of your command is its acknowledgement. Higher (epoch, version) replaces, anything else is old.

The server pings every 20 seconds and ends a connection that says nothing for 60. More than 30 messages a second (burst 60) are dropped; who does that in three seconds of a minute is closed with 1008.
`

// document writes the page from the golden files, which the tests compare with
// what the program sends and takes.
func document(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, documentIntro, MaxMessage>>10)
	b.WriteString("\n## How a connection ends\n\nBefore the close frame comes `bye` with the same word.\n\n| code | word | come back by itself |\n|---|---|---|\n")
	codes := CloseCodes()
	for _, c := range slices.Sorted(maps.Keys(codes)) {
		back := "no"
		if c.Reconnect() {
			back = "yes, with a growing, random delay"
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", int(c), codes[c], back)
	}
	for _, side := range []struct{ title, prefix string }{{"From you", "client."}, {"From the server", "server."}} {
		fmt.Fprintf(&b, "\n## %s\n", side.title)
		names, err := filepath.Glob("testdata/" + side.prefix + "*.json")
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, bytes.TrimSpace(raw), "", "  "); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			title := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), side.prefix), ".json")
			fmt.Fprintf(&b, "\n### %s\n\n```json\n%s\n```\n", title, pretty.String())
		}
	}
	return b.Bytes()
}

func TestDocumentIsFresh(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "protocol.md")
	want := document(t)
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/protocol.md is not what the golden files say: go test ./realtime/protocol -run Document -update (%v)", err)
	}
}
