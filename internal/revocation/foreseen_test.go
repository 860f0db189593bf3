package revocation_test

import (
	"fmt"
	"reflect"
	"testing"

	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
)

// What is foreseen is what the judge says it needs, in its order; where the judge
// would have to look at more, nothing is.
func TestForeseen(t *testing.T) {
	var many []string
	for n := range 12 {
		many = append(many, fmt.Sprintf("http://crl.example/%d", n))
	}
	uri := func(urls ...string) (d DP) {
		for _, u := range urls {
			d.FullName = append(d.FullName, URI(u))
		}
		return d
	}
	certs := map[string][]Ext{
		"no pointer":           {},
		"a list":               {CRLDP(crlURL)},
		"its issuer's list":    {CRLDP(rootURL)},
		"more than are asked":  {CRLDP(many...)},
		"the same twice":       {CRLDP(crlURL, crlURL)},
		"alternatives":         {CRLDPs(uri("ldap://ldap.example/", crlURL, "http://b.example/"), uri("ldap://ldap.example/"), uri("http://c.example/"))},
		"a responder":          {AIA([]string{ocspURL}, nil), CRLDP(crlURL)},
		"a responder by ldap":  {AIA([]string{"ldap://ocsp.example/"}, nil), CRLDP(crlURL)},
		"not to be revocable":  {CRLDP(crlURL), NoRevAvail()},
		"only what is fetched": {AIA(nil, []string{"http://ca.example/"}), CRLDP(crlURL)},
	}
	policies := map[string]policy.Policy{
		"by default": {}, "the leaf": {Depth: policy.DepthLeaf}, "the first that answers": {Stop: policy.StopFirst},
		"no lists": {Schemes: policy.Only(policy.OCSP)}, "lists": {Schemes: policy.Only(policy.CRL)}, "denied": {Unknown: policy.UnknownDeny},
	}
	foreseen := 0
	for name, exts := range certs {
		for rules, p := range policies {
			w := newWorld().with(Cert{}, exts...)
			bare := w.input()
			bare.Artefacts, bare.Policy = nil, p
			responses := name == "a responder" && rules != "lists"
			for what, c := range map[string]struct {
				change func(*revocation.Input)
				none   bool
			}{
				"nothing":     {func(*revocation.Input) {}, responses},
				"a staple":    {func(in *revocation.Input) { in.Staples = [][]byte{w.response(good)} }, true},
				"an artefact": {func(in *revocation.Input) { in.Artefacts = w.input().Artefacts }, true},
				"a list":      {func(in *revocation.Input) { in.Offered = lists(t, w.ca.CRL(CRL{})) }, true},
				"a response":  {func(in *revocation.Input) { in.OfferedOCSP = [][]byte{w.response(good)} }, true},
			} {
				in := bare
				c.change(&in)
				got := revocation.Foreseen(in)
				c.none = c.none || rules == "the first that answers" || rules == "no lists"
				if c.none && got != nil {
					t.Errorf("%s, %s, %s: %v is foreseen", name, rules, what, got)
				}
				if c.none {
					continue
				}
				foreseen += len(got)
				if want := judge(in).Needs; !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s, %s: foreseen\n%v, needed\n%v", name, rules, what, got, want)
				}
			}
		}
	}
	if foreseen < 20 {
		t.Errorf("%d needs were foreseen in all", foreseen)
	}
}
