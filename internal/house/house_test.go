package house

import (
	"flag"
	"os"
	"testing"
)

const module = "github.com/assaytls/assay"

var update = flag.Bool("update", false, "rewrite the guides' code and the API records")

// TestMain goes to the module's root: every path in the tests begins there.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
