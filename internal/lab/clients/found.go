package clients

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
)

var versionNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b[vV]?[0-9]+(\.[0-9]+|p[0-9]| *$)`) })

// version is what the client says of its version: the first line that has one.
func (e *examination) version(d Definition) string {
	if len(d.Version) == 0 {
		return ""
	}
	key := strings.Join(d.Version, "\x00")
	e.making.Lock()
	defer e.making.Unlock()
	if v, known := e.versions[key]; known {
		return v
	}
	v := e.askVersion(d)
	e.versions[key] = v
	return v
}

func (e *examination) askVersion(d Definition) string {
	home, err := e.place.freshHome(token())
	if err != nil {
		return ""
	}
	defer os.RemoveAll(home)
	said := process{argv: e.place.fill(d.Version, goal{}, home), limit: 20 * time.Second, home: home, mark: token()}.run(context.Background(), nil)
	for l := range strings.Lines(said.output) {
		if l = strings.TrimSpace(l); versionNumber().MatchString(l) {
			q := finding.Quote(l)
			if r := []rune(q); len(r) > 80 {
				q = string(r[:80]) + "…"
			}
			return q
		}
	}
	return ""
}

// Found reports whether the programs of a client are on this machine; missing names the one that
// is not.
func Found(ctx context.Context, d Definition) (missing string, ok bool) {
	for _, name := range d.Detect {
		if name == "{self}" {
			continue
		}
		if _, err := exec.LookPath(name); err != nil {
			return name, false
		}
	}
	if len(d.Probe) > 0 {
		home, err := os.MkdirTemp("", "assay-probe-")
		if err != nil {
			return err.Error(), false
		}
		defer os.RemoveAll(home)
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, d.Probe[0], d.Probe[1:]...)
		c.Env, c.Dir = environment(home, token(), nil), home
		if err := c.Run(); err != nil {
			return strings.Join(d.Probe, " "), false
		}
	}
	return "", true
}
