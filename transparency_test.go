package assay_test

import (
	"errors"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
)

// Browsers' CT policies bind below public roots: the embedded bundle's and
// Config.PublicRoots. The lab's roots are in no bundle.
func TestBrowserPolicy(t *testing.T) {
	l := startLab(t, "sct-browser", "sct-browser-one", "sct-none")
	for _, c := range []struct {
		name, policy string
		public       [][]byte
		want         error
	}{
		{"sct-browser", "chrome", l.Roots, nil},
		{"sct-browser-one", "chrome", l.Roots, finding.CTPolicyUnmet},
		{"sct-browser-one", "apple", l.Roots, finding.CTPolicyUnmet},
		{"sct-browser-one", "chrome", nil, nil},
		{"sct-browser-one", "strict", nil, nil},
		{"sct-none", "strict", nil, finding.CTNoValidSCT},
		{"sct-none", "report", l.Roots, nil},
	} {
		client, s := labClient(t, l, c.name, assay.Config{Network: assay.Inline, CT: c.policy, LogList: l.LogList, PublicRoots: c.public})
		if err := get(client, s); c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s by %s, %d public roots: %v, want %v", c.name, c.policy, len(c.public), err, c.want)
		}
	}
}

func TestTransparencyConfig(t *testing.T) {
	for what, c := range map[string]assay.Config{
		"enforcement without a list": {CT: "strict"},
		"an unknown policy":          {CT: "maybe"},
		"a broken list":              {LogList: []byte("{}")},
		"a broken public root":       {PublicRoots: [][]byte{{1}}},
	} {
		if v, err := assay.New(c); err == nil {
			v.Close()
			t.Errorf("%s is no error", what)
		}
	}
}
