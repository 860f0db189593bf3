package certpath_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

func load(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

var mozLedger = ledger(map[string][]string{
	"an IPv6 address by RFC 4291; mozilla::pkix wants more groups":                     {`address "1::2"`, `address "::"`},
	"bytes above 0x7f are read as UTF-8 and mapped by IDNA; mozilla::pkix wants ASCII": {`name "Ä°"`, `name "Ä±"`},
	"hyphens at the ends of labels are tolerated wherever both names have them": {`match "-.example.com" "-.example.com"`,
		`match "-hyphenstart.example.com" "-hyphenstart.example.com"`, `match "hyphenend-.example.com" "hyphenend-.example.com"`},
})

// TestMozpkixNames compares with mozilla::pkix: DNS names presented and asked
// for, and what is a name or an address at all.
func TestMozpkixNames(t *testing.T) {
	var d struct {
		Match []struct{ Presented, Reference, Expected string } `json:"dns_match"`
		Valid []struct {
			Name      string
			Reference bool `json:"valid_reference_id"`
		} `json:"dns_validity"`
		V4, V6 []struct {
			Text  string
			Valid bool
		}
	}
	raw := map[string]json.RawMessage{}
	path := filepath.Join(corpora.Dir(t, "mozpkix-names"), "names.json")
	load(t, path, &d)
	load(t, path, &raw)
	json.Unmarshal(raw["ipv4"], &d.V4)
	json.Unmarshal(raw["ipv6"], &d.V6)
	cases, differ := 0, 0
	verdict := func(name string, got, want bool) {
		cases++
		reason, listed := mozLedger[name]
		switch {
		case got != want && !listed:
			t.Errorf("%s: %v, want %v", name, got, want)
		case got == want && listed:
			t.Errorf("%s: as wanted, but the ledger says: %s", name, reason)
		case listed:
			differ++
		}
	}
	for _, c := range d.Match {
		id, err := certpath.ParseIdentifier(c.Reference)
		got := false
		if err == nil {
			leaf := &cert.Certificate{HasSAN: true, SAN: []cert.GeneralName{{Type: cert.DNSName, Value: c.Presented}}}
			got = len(certpath.MatchNames(leaf, []certpath.Identifier{id}, false)) == 0
		}
		verdict(fmt.Sprintf("match %q %q", c.Presented, c.Reference), got, c.Expected == "match")
	}
	for _, c := range d.Valid {
		id, err := certpath.ParseIdentifier(c.Name)
		verdict(fmt.Sprintf("name %q", c.Name), err == nil && id.Type == cert.DNSName, c.Reference)
	}
	for _, c := range append(d.V4, d.V6...) {
		id, err := certpath.ParseIdentifier(c.Text)
		verdict(fmt.Sprintf("address %q", c.Text), err == nil && id.Type == cert.IPName, c.Valid)
	}
	t.Logf("%d of %d as mozilla::pkix, %d in the ledger", cases-differ, cases, differ)
}

// boringNames is the ledger of BoringSSL's name constraints: a test, the
// reason why ours differs in it.
var boringNames = ledger(map[string][]string{
	"a wildcard inside a label makes no DNS name, and what is no name cannot be compared":              {"DNSNames"},
	"an empty DNS name cannot be compared":                                                             {"DNSNamesExcludeOnly"},
	"the constraint \".\" has no meaning; it is taken as violated":                                     {"DNSNamesExcludeDot"},
	"a constraint on a kind of name that cannot be compared refuses such names, critical or not":       {"OtherNamesInPermitted", "OtherNamesInExcluded", "X400AddresssInPermitted", "X400AddresssInExcluded", "EdiPartyNamesInPermitted", "EdiPartyNamesInExcluded", "RegisteredIDsInPermitted", "RegisteredIDsInExcluded"},
	"URIs are compared; this constraint is a URI where a host is wanted, so it is taken as violated":   {"URIsInPermitted", "URIsInExcluded"},
	"an emailAddress in a VisibleString is the parser's finding; its text is within what is permitted": {"IsPermittedCertSubjectEmailAddressIsOk"},
})

// TestBoringNameConstraints builds for every check a path of an intermediate
// with the constraints and a leaf with the name.
func TestBoringNameConstraints(t *testing.T) {
	var d struct {
		Cases []struct {
			Test   string
			DER    string `json:"constraints_der"`
			Parse  string `json:"expected_parse"`
			Checks []struct {
				Type     string
				Name     string
				NameDER  string `json:"name_der"`
				Octets   []byte
				Bytes    []int  `json:"-"`
				Subject  string `json:"subject_der"`
				SAN      string `json:"san_extension_value_der"`
				Expected struct{ Critical, Noncritical bool }
			}
		}
	}
	path := filepath.Join(corpora.Dir(t, "boringssl-pki"), "name_constraints.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(octets(b), &d); err != nil {
		t.Fatal(err)
	}
	dec := func(s string) []byte { b, _ := base64.StdEncoding.DecodeString(s); return b }
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	checks, differ := 0, map[string]int{}
	for _, c := range d.Cases {
		_, test, _ := strings.Cut(c.Test, ", ")
		for _, critical := range []bool{true, false} {
			ca := root.Intermediate("CA", key, forge.Ext{OID: "2.5.29.30", Critical: critical, Value: dec(c.DER)})
			set := anchors(t, root.Raw)
			judge := func(leaf forge.Cert) certpath.Result {
				leaf.Key = key
				return build(ca.Issue(leaf).Raw, [][]byte{ca.Raw}, set, certpath.Options{Time: options("").Time, Purpose: policy.PurposeAny})
			}
			verdict := func(what string, got, want bool, r certpath.Result) {
				checks++
				if got != want {
					if _, listed := boringNames[test]; !listed {
						t.Errorf("%s (critical %v) %s: allowed %v, want %v: %s", test, critical, what, got, want, describe(r))
					}
					differ[test]++
				}
			}
			if c.Parse != "ok" {
				r := judge(forge.Cert{Extensions: []forge.Ext{forge.SAN(forge.DNS("a.example"), forge.IP("192.0.2.1"))}})
				verdict("parse", !refusesNames(r) && !refusesParse(r), false, r)
				continue
			}
			for _, k := range c.Checks {
				var leaf forge.Cert
				switch k.Type {
				case "dns":
					leaf.Extensions = []forge.Ext{forge.SAN(forge.DNS(k.Name))}
				case "ip":
					leaf.Extensions = []forge.Ext{forge.SAN(forge.IPRaw(k.Octets))}
				case "directoryName":
					leaf.Extensions = []forge.Ext{forge.SAN(forge.DirName(dec(k.NameDER)))}
				case "cert":
					if k.Subject != "" {
						leaf.Subject = dec(k.Subject)
					}
					if k.SAN != "" {
						leaf.Extensions = []forge.Ext{{OID: "2.5.29.17", Value: dec(k.SAN)}}
					}
				default:
					t.Fatalf("type %q", k.Type)
				}
				want := k.Expected.Noncritical
				if critical {
					want = k.Expected.Critical
				}
				r := judge(leaf)
				verdict(k.Type+" "+k.Name+k.SAN+k.Subject+fmt.Sprint(k.Octets), !refusesNames(r), want, r)
			}
		}
	}
	for test := range boringNames {
		if differ[test] == 0 {
			t.Errorf("the ledger has %s, but all is as wanted", test)
		}
	}
	t.Logf("%d checks, %d in the ledger", checks, len(boringNames))
}

// octets turns JSON arrays of numbers into base64 strings.
func octets(b []byte) []byte {
	var v any
	json.Unmarshal(b, &v)
	var walk func(any) any
	walk = func(v any) any {
		switch x := v.(type) {
		case map[string]any:
			for k, e := range x {
				if list, ok := e.([]any); ok && k == "octets" {
					var raw []byte
					for _, n := range list {
						raw = append(raw, byte(n.(float64)))
					}
					x[k] = base64.StdEncoding.EncodeToString(raw)
				} else {
					x[k] = walk(e)
				}
			}
		case []any:
			for i := range x {
				x[i] = walk(x[i])
			}
		}
		return v
	}
	out, _ := json.Marshal(walk(v))
	return out
}

// refusesParse reports whether the parser has an error in name constraints.
func refusesParse(r certpath.Result) bool {
	for _, fs := range r.Paths[0].CertFindings {
		for _, f := range fs {
			if f.Severity >= finding.Error && strings.Contains(f.Param("field"), "nameConstraints") {
				return true
			}
		}
	}
	return false
}

// refusesNames reports whether the best path has a finding about constraints.
func refusesNames(r certpath.Result) bool {
	for _, fs := range r.Paths[0].CertFindings {
		for _, f := range fs {
			if f.Severity < finding.Error {
				continue
			}
			switch f.ID {
			case finding.NameNotPermitted, finding.NameExcluded, finding.NameFormUnsupported, finding.NameConstraintBad,
				finding.NameConstraintRange, finding.ConstrainedNameBad:
				return true
			}
		}
	}
	return false
}

func TestParseIdentifier(t *testing.T) {
	for in, want := range map[string]string{
		"example.com": "2 example.com", "EXAMPLE.COM.": "2 example.com", "bücher.example": "2 xn--bcher-kva.example",
		"a_b.example.com": "2 a_b.example.com", "192.0.2.1": "7 192.0.2.1", "[2001:DB8::1]": "7 2001:db8::1", "::ffff:192.0.2.1": "7 ::ffff:192.0.2.1",
		"Joe@Example.COM": "1 Joe@example.com", "医生@大学.example": "1 医生@xn--pss25c.example", "localhost": "2 localhost", "a@b@example.com": "error",
		"": "error", ".": "error", "a..b": "error", "1.2.3": "error", "fe80::1%eth0": "error", "*.example.com": "error", "a b": "error",
		"a\x00b": "error", "@example.com": "error", "a@": "error", "https://example.com": "6 https://example.com", "[192.0.2.1]": "error", "example.com..": "error",
		strings.Repeat("a", 64) + ".com": "error", strings.Repeat("a.", 127) + "com": "error", "xn--\u00fc.example": "error", "a\u202eb.example": "error",
	} {
		id, err := certpath.ParseIdentifier(in)
		got := fmt.Sprint(int(id.Type), " ", id.Value)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s (%v), want %s", in, got, err, want)
		}
	}
}
