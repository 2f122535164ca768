package store

import (
	"os"
	"strings"
	"testing"
)

// TestTheDriverAndItsLibraryAreTheTestedPair: the driver is C translated to
// Go over its own libc, and is tested by its authors with exactly one version
// of it. Raise both lines together, with the pair of the driver's own go.mod.
func TestTheDriverAndItsLibraryAreTheTestedPair(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"modernc.org/sqlite v1.61.1", "modernc.org/libc v1.79.0"} {
		if !strings.Contains(string(mod), line+"\n") && !strings.Contains(string(mod), line+" //") {
			t.Errorf("go.mod does not say %s", line)
		}
	}
}
