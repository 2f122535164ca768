package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// payloads would run if any page took text for markup.
var payloads = []string{
	`<img src=x onerror="window.__pwn=1">`, `<script>window.__pwn=1</script>`, `<svg onload="window.__pwn=1">`,
	`"><img src=x onerror=window.__pwn=1>`, `javascript:window.__pwn=1`, `</title><script>window.__pwn=1</script>`,
	`{{constructor.constructor("window.__pwn=1")()}}`, "`${window.__pwn=1}`", `<iframe srcdoc="<script>parent.__pwn=1</script>">`,
	`<a href="javascript:window.__pwn=1">http://x.example/"onmouseover="window.__pwn=1</a>`,
}

// TestA30_TextIsNeverMarkup shows hostile names and lines on every page and
// looks whether anything ran. A36: the content policy is not even asked.
func TestA30_TextIsNeverMarkup(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser; run without -short")
	}
	s := start(t)
	browser := browsers(t)
	token := s.root()
	s.call(http.MethodPatch, "/me", token, map[string]any{"display_name": payloads[0]}, nil, http.StatusOK)
	var room struct{ ID string }
	s.call(http.MethodPost, "/rooms", token, map[string]any{"name": payloads[3], "description": payloads[1], "visibility": "public", "settings": map[string]any{"allow_guests": true, "welcome_message": payloads[2]}}, &room, http.StatusCreated)
	for _, text := range payloads {
		s.call(http.MethodPost, "/rooms/"+room.ID+"/media", token, map[string]any{"provider": "direct", "name": text, "source": map[string]any{"url": "https://media.example/a.mp4"}}, nil, http.StatusCreated)
	}
	for _, text := range payloads[:5] {
		s.call(http.MethodPost, "/rooms/"+room.ID+"/chat", token, map[string]any{"content": text}, nil, http.StatusCreated)
	}
	eve := newPerson(browser, t, "Eve")
	eve.do(chromedp.Navigate(s.URL() + "/r/" + room.ID + "/join"))
	eve.fill("input[autocomplete=nickname]", `<b onclick=1>Eve`)
	eve.press("Take your seat")
	eve.wait("the chat", `document.body.innerText.includes("window.__pwn=1")`)
	for _, tab := range []string{"Playlist", "People", "Chat"} {
		eve.tab(tab)
	}
	for _, path := range []string{"/", "/rooms", "/r/" + room.ID + "/join", "/login", "/" + payloads[4]} {
		eve.unhurt()
		eve.do(chromedp.Navigate(s.URL() + path))
		eve.wait("the page", `document.querySelector('h1')`)
	}
	eve.unhurt()
}

// unhurt fails the test when a payload ran or was stopped by the policy alone.
func (p *person) unhurt() {
	p.t.Helper()
	if eval[bool](p, `typeof window.__pwn !== 'undefined'`) {
		p.t.Errorf("a payload ran at %s", eval[string](p, "location.href"))
	}
	p.faultless()
	if n := eval[int](p, `document.querySelectorAll('img[src="x"], iframe, svg[onload], [onclick], [onerror]').length`); n > 0 {
		p.t.Errorf("%d elements were made of text at %s", n, eval[string](p, "location.href"))
	}
}

// TestA38_NothingOfASessionIsKept signs in and looks into every drawer of the
// browser.
func TestA38_NothingOfASessionIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser; run without -short")
	}
	s := start(t)
	s.root()
	mia := newPerson(browsers(t), t, "Mia")
	mia.do(chromedp.Navigate(s.URL() + "/login"))
	mia.fill("input[autocomplete=username]", "mia")
	mia.fill("input[type=password]", password)
	mia.press("Sign in")
	mia.says("Tonight")
	kept := eval[string](mia, `(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, (await indexedDB.databases()).map(d => d.name), location.href, (await caches.keys())]))()`)
	for _, word := range []string{"eyJ", "synctv_refresh", "access_token", "refresh"} {
		if strings.Contains(kept, word) {
			t.Errorf("a script can read %q: %s", word, kept)
		}
	}
	mia.do(chromedp.Reload())
	mia.says("Tonight")
	mia.wait("the account", `document.querySelector('[aria-label*="mia" i], [title*="mia" i]') || !document.body.innerText.includes('Sign in')`)
	mia.faultless()
}
