package flags

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
)

// rules is the value of a policy's flag.
func rules(name string) func() pflag.Value {
	return func() pflag.Value {
		f, ok := policy.Lookup(name)
		if !ok {
			panic(name)
		}
		return &rule{f, new(policy.Policy)}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name      string
		make      func() pflag.Value
		good, bad []string
	}{
		{"word", func() pflag.Value { return &word{new(string), []string{"text", "json"}} }, []string{"text", "json"}, []string{"", "TEXT", "xml", "text,json"}},
		{"on or off", func() pflag.Value { return new(onOff) }, []string{"on", "off"}, []string{"", "ON", "true", "maybe"}},
		{"switch", func() pflag.Value { return new(toggle) }, []string{"true", "false"}, []string{"", "yes", "on"}},
		{"duration", func() pflag.Value { return new(duration) }, []string{"1ms", "10s", "1h30m"}, []string{"", "10", "0s", "-1s", "1y", "1e400s", "99999999h"}},
		{"size", func() pflag.Value { return new(size) }, []string{"1", "64MiB", "10M", "500kB", "1GiB"}, []string{"", "0", "-1", "1.5MiB", "MiB", "10TB", "9223372036854775807KiB", "99999999999999999999"}},
		{"list", func() pflag.Value { return &list{new([]string), Kind{Type: "X", Commas: true}} }, []string{"h2", "h2,http/1.1"}, []string{"", "h2,", ",h2"}},
		{"time", rules("time"), []string{"2026-12-01T00:00:00Z", "2026-12-01T00:00:00+02:00", "1950-01-01T00:00:00Z", "9999-12-31T23:59:59Z"},
			[]string{"", "now", "2026-12-01", "2026-13-01T00:00:00Z", "1764547200", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1949-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "1950-01-01T00:00:00+01:00"}},
		{"security level", rules("security-level"), []string{"0", "5"}, []string{"", "-1", "6", "1.0", "x", "99999999999999999999"}},
		{"schemes", rules("revocation"), []string{"off", "crl", "staple,ocsp,crl", "crlite"}, []string{"", "on", "crlite2", "crl,", "crl,crl", "off,crl", "CRL", "crl, ocsp"}},
		{"skew", rules("skew"), []string{"1s", "24h"}, []string{"0s", "-1s"}},
		{"OID", rules("policy"), []string{"2.5.29.32.0", "2.23.140.1.2.1", "1.3.6", "2.999.1"}, []string{"", "1", "3.1", "1.40", "1.2.03", "1..2", "a.b", "1.2."}},
	} {
		for _, g := range c.good {
			v := c.make()
			if err := v.Set(g); err != nil {
				t.Errorf("%s: %q: %v", c.name, g, err)
			}
			if v.String() == "" || v.Type() == "" {
				t.Errorf("%s: %q prints as %q, type %q", c.name, g, v.String(), v.Type())
			}
		}
		for _, b := range c.bad {
			if err := c.make().Set(b); err == nil {
				t.Errorf("%s: %q was accepted", c.name, b)
			}
		}
	}
}

// An empty list is not the same as none where a flag says so.
func TestEmptyList(t *testing.T) {
	var f target.Connection
	c := &cobra.Command{}
	Connection(c, &f)
	if err := c.ParseFlags([]string{"--alpn", ""}); err != nil || f.ALPN == nil || len(f.ALPN) != 0 {
		t.Errorf("--alpn '': %q, %v", f.ALPN, err)
	}
	if err := c.ParseFlags([]string{"--alpn", "h2,x"}); err != nil || !slices.Equal(f.ALPN, []string{"h2", "x"}) {
		t.Errorf("--alpn h2,x: %q, %v", f.ALPN, err)
	}
}

// Every profile's flags are the table's fields that it offers, with its defaults;
// what they say is in the policy, and nothing else changes.
func TestPolicyFlags(t *testing.T) {
	for _, profile := range []policy.Profile{policy.Check, policy.Verify, policy.Connect} {
		var p policy.Policy
		c := &cobra.Command{}
		Policy(c, &p, profile)
		if !reflect.DeepEqual(p, profile.Policy()) {
			t.Errorf("%s begins with %+v", profile, p)
		}
		for _, f := range policy.Fields() {
			flag := c.Flags().Lookup(f.Name)
			if (flag != nil) != f.Offered(profile) {
				t.Errorf("%s has --%s: %v", profile, f.Name, flag != nil)
				continue
			}
			if flag != nil && (flag.DefValue != f.Default(profile) || HeadingOf(flag) != f.Group || !slices.Equal(WordsOf(flag), f.Words)) {
				t.Errorf("%s --%s: default %q, heading %q, words %q", profile, f.Name, flag.DefValue, HeadingOf(flag), WordsOf(flag))
			}
		}
		if err := c.ParseFlags([]string{"--strict", "--unknown=warn", "--revocation", "crl"}); err != nil {
			t.Fatal(err)
		}
		want := profile.Policy()
		want.Strict, want.Unknown, want.Schemes = true, policy.UnknownWarn, policy.Only(policy.CRL)
		if !reflect.DeepEqual(p, want) {
			t.Errorf("%s: %+v, want %+v", profile, p, want)
		}
	}
}

// What is not just a copy of the flag.
func TestPolicyFlagMeanings(t *testing.T) {
	for _, c := range []struct {
		args  []string
		depth int
		must  bool
	}{
		{nil, 0, false},
		{[]string{"--max-depth", "0"}, policy.NoIntermediates, false},
		{[]string{"--max-depth", "3"}, 3, false},
		{[]string{"--explicit-policy"}, 0, true},
		{[]string{"--policy", "1.2.3.4"}, 0, true},
	} {
		var p policy.Policy
		cmd := &cobra.Command{}
		Policy(cmd, &p, policy.Check)
		if err := cmd.ParseFlags(c.args); err != nil || p.MaxDepth != c.depth || p.ExplicitPolicy != c.must {
			t.Errorf("%v: depth %d, explicit policy %v, %v", c.args, p.MaxDepth, p.ExplicitPolicy, err)
		}
	}
}

func TestCompletions(t *testing.T) {
	for _, c := range []struct {
		list        bool
		begun, want string
	}{
		{false, "", "off a b"}, {false, "o", "off"}, {false, "a,", ""}, {true, "", "off a b"}, {true, "a,", "a,b"}, {true, "a,b,", ""}, {true, "x,a,", "x,a,b"},
	} {
		if got := strings.Join(completions([]string{"off", "a", "b"}, c.list, "off", c.begun), " "); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
