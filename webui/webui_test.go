package webui_test

import (
	"io/fs"
	"regexp"
	"testing"

	"synctv/webui"
)

var address = regexp.MustCompile(`(?:src|href)="(/[^"]+)"`)

func TestPageFindsItsParts(t *testing.T) {
	page, err := fs.ReadFile(webui.FS(), "index.html")
	if err != nil {
		t.Fatalf("there is no page in the binary: %v", err)
	}
	found := address.FindAllSubmatch(page, -1)
	if len(found) < 3 {
		t.Fatalf("the page names %d parts:\n%s", len(found), page)
	}
	for _, m := range found {
		name := string(m[1][1:])
		for _, ext := range []string{"", ".br", ".gz"} {
			if _, err = fs.Stat(webui.FS(), name+ext); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("the page asks for /%s, which is not in the binary", name)
		}
	}
	if webui.Build() == "" {
		t.Error("the build has no name")
	}
}
