package alert_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/house"
)

var update = flag.Bool("update", false, "add what is new to the records of docs/stability")

// The names of the configuration stay (docs/stability.md). The reader tells them
// where it is given one that it does not know.
func TestPromises(t *testing.T) {
	var lines []string
	for at, text := range map[string]string{
		"alerts": "zzzzzzzzzz: 1", "alerts.receivers": "receivers: [{name: a, zzzzzzzzzz: 1}]", "alerts.rules": "rules: [{name: a, zzzzzzzzzz: 1}]",
		"alerts.receivers.webhook": "receivers: [{name: a, webhook: {zzzzzzzzzz: 1}}]", "alerts.receivers.alertmanager": "receivers: [{name: a, alertmanager: {zzzzzzzzzz: 1}}]",
		"alerts.receivers.mail": "receivers: [{name: a, mail: {zzzzzzzzzz: 1}}]",
	} {
		c := watch.ParseConfig(filepath.Join(t.TempDir(), "watch.yaml"), []byte("alerts:\n  "+text+"\n"))
		alert.Read(c.Section("alerts"))
		err := c.Err()
		if err == nil {
			t.Fatalf("%s is taken", text)
		}
		_, list, found := strings.Cut(err.Error(), "there are ")
		if !found {
			t.Fatalf("%s: %v", text, err)
		}
		list, _, _ = strings.Cut(list, "\n")
		for name := range strings.SplitSeq(list, ", ") {
			lines = append(lines, at+"."+name)
		}
	}
	house.Keep(t, "../../docs/stability/alerts-yaml.txt", lines, *update)
}
