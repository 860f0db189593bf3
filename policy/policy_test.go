package policy_test

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// typed is what every type with words offers.
type typed interface {
	comparable
	String() string
	encoding.TextMarshaler
}

// words looks at one type: every value has a word of its own that is read back,
// the zero is the first, and what is no word is refused.
func words[E typed, P interface {
	*E
	encoding.TextUnmarshaler
}](t *testing.T, zero string, all []E, parse func(string) (E, error)) {
	t.Helper()
	var none E
	if none.String() != zero || len(all) == 0 {
		t.Errorf("the zero %T is %s, want %s", none, none, zero)
	}
	seen := map[string]bool{}
	for _, v := range all {
		w := v.String()
		if got, err := parse(w); err != nil || got != v || seen[w] {
			t.Errorf("%T %s is read as %v, %v", v, w, got, err)
		}
		seen[w] = true
		b, err := v.MarshalText()
		if err != nil || string(b) != w {
			t.Errorf("%T %s is written as %s, %v", v, w, b, err)
		}
		var back E
		if err := P(&back).UnmarshalText(b); err != nil || back != v {
			t.Errorf("%T %s comes back as %v, %v", v, w, back, err)
		}
		if err := P(&back).UnmarshalText([]byte(w + "x")); err == nil || back != v {
			t.Errorf("%T: %sx is read as %v", v, w, back)
		}
	}
	for _, bad := range []string{" ", "no", "ALLOW", "(9)", "1.2.", "allow,deny"} {
		if v, err := parse(bad); err == nil {
			t.Errorf("%T: %q is read as %v", v, bad, v)
		}
	}
}

func TestWords(t *testing.T) {
	words(t, "inconclusive", policy.AllUnknown(), policy.ParseUnknown)
	words(t, "deny", policy.AllStale(), policy.ParseStale)
	words(t, "chain", policy.AllDepth(), policy.ParseDepth)
	words(t, "all", policy.AllStop(), policy.ParseStop)
	words(t, "report", policy.AllCTMode(), policy.ParseCTMode)
	words(t, "leaf", policy.AllCTDepth(), policy.ParseCTDepth)
	words(t, "system", policy.AllProgram(), policy.ParseProgram)
	words(t, "", []policy.Programs{policy.EveryProgram, policy.ProgramsOf(policy.ProgramApple), policy.ProgramsOf(policy.ProgramSystem, policy.ProgramAndroid)}, policy.ParsePrograms)
	words(t, "default", policy.AllSecurityLevel(), policy.ParseSecurityLevel)
	words(t, "none", policy.AllScheme(), policy.ParseScheme)
	words(t, "server", policy.AllPurpose(), policy.ParsePurpose)
	words(t, "all", []policy.Schemes{0, policy.Off, policy.Only(policy.CRL), policy.Only(policy.OCSP, policy.Staple)}, policy.ParseSchemes)
}

// What is no value of its type cannot be written, has no word that a parser
// takes, and makes a policy invalid.
func TestNoValues(t *testing.T) {
	for what, v := range map[string]struct {
		text encoding.TextMarshaler
		p    policy.Policy
	}{
		"unknown":  {policy.Unknown(9), policy.Policy{Unknown: 9}},
		"stale":    {policy.Stale(9), policy.Policy{Stale: 9}},
		"depth":    {policy.Depth(9), policy.Policy{Depth: 9}},
		"stop":     {policy.Stop(9), policy.Policy{Stop: 9}},
		"ct":       {policy.CTMode(9), policy.Policy{CT: 9}},
		"ct depth": {policy.CTDepth(9), policy.Policy{CTDepth: 9}},
		"trust":    {policy.Program(9), policy.Policy{Trust: 9}},
		"programs": {policy.Programs(0x40), policy.Policy{Programs: 0x40}},
		"level":    {policy.SecurityLevel(9), policy.Policy{SecurityLevel: 9}},
		"schemes":  {policy.Schemes(0x9), policy.Policy{Schemes: 0x9}},
		"twice":    {policy.Schemes(0x22), policy.Policy{Schemes: 0x22}},
		"purpose":  {policy.Purpose("sever"), policy.Policy{Purpose: "sever"}},
	} {
		if b, err := v.text.MarshalText(); err == nil {
			t.Errorf("%s is written as %s", what, b)
		}
		if v.p.Validate() == nil {
			t.Errorf("%s is valid", what)
		}
		v.p.Hash()
	}
	if policy.CTMode(9).Enforced() == false || policy.Unknown(9).Soft() {
		t.Error("what is no value is lenient")
	}
}

func TestSchemes(t *testing.T) {
	every := []policy.Scheme{policy.Staple, policy.CRLite, policy.CRL, policy.OCSP}
	for _, c := range []struct {
		s    policy.Schemes
		want []policy.Scheme
	}{
		{0, every},
		{policy.Only(), every},
		{policy.Only(policy.OCSP, 0), every},
		{policy.Only(7), every},
		{policy.Off, nil},
		{policy.Only(policy.OCSP, policy.Staple, policy.OCSP), []policy.Scheme{policy.OCSP, policy.Staple}},
		{policy.Only(every...), every},
	} {
		if got := c.s.List(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.s, got, c.want)
		}
		for _, one := range every {
			if c.s.Has(one) != slices.Contains(c.want, one) {
				t.Errorf("%v has %v: %v", c.s, one, c.s.Has(one))
			}
		}
	}
	if _, err := policy.ParseSchemes("crl,crl"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}

// A set of programs has what it was made of, in the table's order.
func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		text string
		want []policy.Program
		err  string
	}{
		{"all", policy.AllProgram(), ""},
		{"chrome,mozilla", []policy.Program{policy.ProgramMozilla, policy.ProgramChrome}, ""},
		{"system", []policy.Program{policy.ProgramSystem}, ""},
		{"", nil, "must not be empty"}, {"mozilla,", nil, "must not be empty"}, {"mozilla,mozilla", nil, "twice"},
		{"nss", nil, "no root program"}, {"all,mozilla", nil, "no root program"}, {"Mozilla", nil, "no root program"},
	} {
		got, err := policy.ParsePrograms(c.text)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || got != 0 {
				t.Errorf("%q: %v, %v", c.text, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got.List(), c.want) || got != policy.ProgramsOf(c.want...) {
			t.Errorf("%q: %v, %v", c.text, got.List(), err)
		}
		for _, p := range policy.AllProgram() {
			if got.Has(p) != slices.Contains(c.want, p) {
				t.Errorf("%q has %s: %v", c.text, p, got.Has(p))
			}
		}
	}
	if policy.ProgramsOf(9) != 0 || policy.EveryProgram.Has(9) || policy.Programs(0).List() != nil {
		t.Error("a set has what is no program")
	}
}

// fill gives v a value that is not the zero.
func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(1)
	case reflect.String:
		v.SetString("client")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[policy.Margin]() {
			v.Set(reflect.ValueOf(policy.Margin{Percent: 1}))
			return
		}
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

// Every field is a rule and changes the hash; defaults that are spelt out do not.
func TestHash(t *testing.T) {
	base := policy.Policy{}.Hash()
	seen := map[[32]byte]string{base: "the zero policy"}
	typ := reflect.TypeFor[policy.Policy]()
	for i := range typ.NumField() {
		var p policy.Policy
		fill(t, reflect.ValueOf(&p).Elem().Field(i))
		h := p.Hash()
		if other, ok := seen[h]; ok {
			t.Errorf("%s hashes as %s", typ.Field(i).Name, other)
		}
		seen[h] = typ.Field(i).Name
		if p.Hash() != h {
			t.Error("not the same twice")
		}
	}
	for _, p := range []policy.Policy{{Skew: policy.DefaultSkew}, {Names: []string{}}, {Purpose: "server"}, {Schemes: policy.Only(policy.Staple, policy.CRLite, policy.CRL, policy.OCSP)}} {
		if p.Hash() != base {
			t.Errorf("%+v does not hash as the zero policy", p)
		}
	}
	if (policy.Policy{Schemes: policy.Off}).Hash() == base || (policy.Policy{Schemes: policy.Only(policy.CRL, policy.Staple, policy.CRLite, policy.OCSP)}).Hash() == base {
		t.Error("other schemes, or another order, hash as all of them")
	}
}

func TestValidate(t *testing.T) {
	for _, p := range []policy.Policy{{}, {MinRSA: policy.LeastRSA}, {MaxDepth: policy.NoIntermediates}, {Skew: policy.MaxSkew},
		{Purpose: "1.3.6.1.5.5.7.3.17"}, {Policies: []string{"2.23.140.1.2.1"}}, {Allow: []finding.ID{finding.MustStapleMissing}}, {NoName: true}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []policy.Policy{{MinRSA: -5}, {MinRSA: 1}, {MinRSA: policy.MostRSA + 1}, {MaxDepth: -2}, {MaxDepth: policy.MostPath + 1},
		{MaxAge: -1}, {Skew: -1}, {Skew: policy.MaxSkew + 1}, {Policies: []string{"anyPolicy"}}, {Policies: []string{""}},
		{Allow: []finding.ID{finding.CertRevoked}}, {Allow: []finding.ID{"x-mine"}}, {NoName: true, RequireIP: []string{"192.0.2.1"}},
		{Trust: policy.ProgramMozilla, Purpose: policy.PurposeClient}, {Programs: policy.EveryProgram, Purpose: policy.PurposeEmail}} {
		if p.Validate() == nil {
			t.Errorf("%+v is valid", p)
		}
	}
}

// Every field of the Policy is a row of the table, what a row sets it gets back,
// and the JSON form holds all of it.
func TestFields(t *testing.T) {
	values := map[string]string{"name": "a.test", "require-dns": "b.test", "require-ip": "192.0.2.1", "require-email": "a@b.test", "purpose": "email",
		"time": "2026-12-01T00:00:00Z", "expires-within": "14d", "security-level": "3", "min-rsa": "3072", "max-depth": "0", "policy": "1.2.3",
		"allow": string(finding.MustStapleMissing), "revocation": "ocsp,crl", "revocation-stop": "first", "revocation-depth": "leaf", "unknown": "warn",
		"stale": "warn", "max-age": "24h", "skew": "1m", "ct": "require", "ct-depth": "chain",
		"trust": "chrome", "programs": "mozilla,apple"}
	var full policy.Policy
	for _, f := range policy.Fields() {
		v, ok := values[f.Name]
		if f.Value == "" {
			v, ok = "true", true
		}
		if !ok {
			t.Errorf("no value for %s", f.Name)
			continue
		}
		var p policy.Policy
		if err := f.Set(&p, v); err != nil || reflect.DeepEqual(p, policy.Policy{}) {
			t.Errorf("--%s %s: %v, %+v", f.Name, v, err, p)
		}
		if got := strings.Join(f.Get(p), ","); got != v {
			t.Errorf("--%s %s reads back as %s", f.Name, v, got)
		}
		back := roundTrip(t, p)
		if !reflect.DeepEqual(back, p) {
			t.Errorf("--%s: %+v comes back as %+v", f.Name, p, back)
		}
		before := p
		for _, bad := range []string{"", " ", "a b", "\x00", strings.Repeat("9", 400)} {
			if f.Name == "allow" && bad != "" {
				continue // what is no finding is told when all of the policy is looked at
			}
			if err := f.Set(&p, bad); err == nil || !reflect.DeepEqual(p, before) {
				t.Errorf("--%s %q is taken, or changes what is set: %+v", f.Name, bad, p)
			}
		}
		if f.Name != "no-name" && f.Group != "Trust" { // these exclude names, and another purpose than servers
			f.Set(&full, v)
		}
	}
	if back := roundTrip(t, full); !reflect.DeepEqual(back, full) {
		t.Errorf("%+v comes back as %+v", full, back)
	}
	full.NoName, full.Trust, full.Programs = true, policy.ProgramChrome, policy.EveryProgram
	v := reflect.ValueOf(full)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("no row of the table sets %s", v.Type().Field(i).Name)
		}
	}
	if p := (policy.Policy{Policies: []string{"1.2.3"}}); !reflect.DeepEqual(roundTrip(t, p), p) {
		t.Error("a policy set that is not required does not come back")
	}
}

func roundTrip(t *testing.T, p policy.Policy) (back policy.Policy) {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return back
}

func TestJSON(t *testing.T) {
	if b, err := json.Marshal(policy.Policy{Strict: true, Schemes: policy.Off, Names: []string{"a.test"}}); err != nil || string(b) != `{"name":["a.test"],"strict":true,"revocation":"off"}` {
		t.Errorf("%s, %v", b, err)
	}
	if b, err := json.Marshal(policy.Policy{MinRSA: -1}); err == nil {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{`[]`, `"x"`, `{"unknown":1}`, `{"unknown":"maybe"}`, `{"unknown":null}`, `{"strict":"true"}`, `{"name":"a.test"}`, `{"name":[1]}`,
		`{"offline":true}`, `{"Strict":true}`, `{"allow":["cert-revoked"]}`, `{"min-rsa":"1"}`, `{"no-name":true,"name":["a.test"]}`, `{`} {
		p := policy.Policy{Strict: true}
		if err := json.Unmarshal([]byte(bad), &p); err == nil || !p.Strict {
			t.Errorf("%s gives %+v", bad, p)
		}
	}
}

// Profiles differ from the zero Policy in what they say, and in nothing else.
func TestProfiles(t *testing.T) {
	for f, want := range map[policy.Profile]policy.Policy{
		policy.Check: {}, policy.Verify: {},
		policy.Connect:  {Unknown: policy.UnknownDeny},
		policy.Web:      {Unknown: policy.UnknownWarn},
		policy.Internal: {Unknown: policy.UnknownDeny},
		policy.HardFail: {Unknown: policy.UnknownDeny, Strict: true},
	} {
		if got := f.Policy(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", f, got, want)
		}
	}
	words(t, "check", policy.AllProfile(), policy.ParseProfile)
}

// What is read as a policy is valid, and is written and read as itself.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"unknown":"warn","name":["a.test"],"revocation":"ocsp,crl"}`, `{"policy":["1.2.3"],"explicit-policy":false,"max-depth":"0"}`,
		`{"time":"2026-12-01T00:00:00.5Z","skew":"1h","allow":["must-staple-missing"]}`, `{"strict":true,"strict":false}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p policy.Policy
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		back := roundTrip(t, p)
		if back.Hash() != p.Hash() || !back.Time.Equal(p.Time) {
			t.Fatalf("%s: %+v comes back as %+v", b, p, back)
		}
	})
}
