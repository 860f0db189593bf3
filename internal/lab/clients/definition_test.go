package clients

import (
	"os"
	"path/filepath"
	"testing"
)

// A program that is named from the current folder is found from there, for the client
// runs in another one.
func TestFromCommandHere(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	d, err := FromCommand("./myclient {url}")
	if err != nil || d.Name != "./myclient" || d.Run[0] != filepath.Join(here, "myclient") || d.Detect[0] != d.Run[0] {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = FromCommand("curl {url}"); err != nil || d.Run[0] != "curl" {
		t.Errorf("%+v, %v", d, err)
	}
}
