package store_test

import (
	"os"
	"testing"
)

// childEnv makes this test binary one of the programs that tests start.
const childEnv = "SYNCTV_STORE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "ledger" {
		os.Exit(ledger(os.Getenv("SYNCTV_STORE_DIR"), os.Stdout))
	}
	os.Exit(m.Run())
}

// missing skips a test for want of a tool, or fails it where all must run.
func missing(t *testing.T, tool string) {
	t.Helper()
	if os.Getenv("SYNCTV_TEST_ALL") == "1" {
		t.Fatalf("%s is missing", tool)
	}
	t.Skipf("%s is missing", tool)
}
