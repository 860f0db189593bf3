package evidence

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/policy"
)

func full() *Evidence {
	return &Evidence{
		Version: 1, Source: SourceDial, Time: time.Date(2026, 11, 1, 12, 0, 0, 123, time.UTC),
		Target:   Target{Input: "https://a.test/", Host: "a.test", Port: "443", SNI: "a.test", Proxy: "http://127.0.0.1:3128", Names: []string{"b.test"}},
		Attempts: []Attempt{{Addr: "192.0.2.1:443", Outcome: "lost-race", Detail: "x", Start: 1, Duration: 2}},
		Connection: Connection{Addr: "192.0.2.1:443", Version: 0x304, Suite: 0x1301, Group: 29, Signature: 0x804, ALPN: "h2", ALPNOffered: []string{"h2"}, ALPNAsked: true, NoRenegotiationInfo: true, NoMasterSecret: true, Resumed: true,
			StartTLS: "smtp", ClientCert: "requested", ClientCAs: [][]byte{{1}}, ClientSchemes: []uint16{0x403}, HelloRetry: true,
			Alert: &Alert{2, 40, "handshake_failure", "handshake"}, Tickets: 2, CloseNotify: true, DNS: 1, Connect: 2, TLS: 3, BytesIn: 4, BytesOut: 5},
		Failure: &Failure{ID: "tls-alert", Params: map[string]string{"alert": "x"}, Stage: "handshake", Detail: "d"},
		Probe:   &Probe{Reason: "handshake_failure", Failure: &Failure{ID: "handshake-eof", Stage: "handshake"}},
		Legacy:  &Legacy{Version: 0x301, Detail: "d"},
		Visit:   &Visit{Path: "/p", Status: "200 OK", Renegotiated: true},
		Chain:   []Entry{{Cert: []byte{1, 2}, Staple: []byte{3}, SCTs: []byte{4}}},
		TLSSCTs: []byte{5}, Extra: [][]byte{{6}},
		Artefacts: []Artefact{{Kind: "ocsp", URL: "http://o.test/", Method: "POST", Request: []byte{7}, IssuerKey: []byte{7}, Body: []byte{8}, Fetched: time.Unix(0, 0).UTC(), Cached: true, Status: 404, Failure: "fetch-failed", Detail: "d", Duration: 9}},
		Learnt: []Learnt{{Issuer: []byte{0x30, 0}, IssuerKey: Hash{1}, Serial: []byte{2}, Cert: Hash{3}, RevokedAt: time.Unix(4, 0).UTC(), Reason: "certificateHold", Hold: true, Old: true,
			Learnt: time.Unix(5, 6).UTC(), Until: time.Unix(7, 0).UTC(), Scheme: policy.CRL, URL: "http://c.test/", SignerKey: Hash{8}, Signer: []Hash{{9}}, Anchor: Hash{10}, Scope: Hash{11},
			Number: []byte{12}, ThisUpdate: time.Unix(13, 0).UTC(), NextUpdate: time.Unix(14, 0).UTC()}},
		Signers:    [][]byte{{15}},
		AlsoServes: &Evidence{Version: 1, Source: SourceLook, Time: time.Unix(20, 0).UTC(), Chain: []Entry{{Cert: []byte{16}}}},
		Unseen:     &Failure{ID: "key-type-unseen", Stage: "handshake"},
		DNS: &DNS{Resolver: "127.0.0.1", Channel: ChannelLoopback, Lookups: []Lookup{{Name: "_25._tcp.a.test", Type: "TLSA", Code: "NOERROR", AD: true,
			Aliases: []string{"c.test"}, Data: [][]byte{{3, 1, 1, 0}}, Base: "a.test", Failure: "f", Took: 9}},
			Service: &Service{Type: "SRV", Name: "_imap._tcp.b.test", Domain: "b.test", Order: 1, Secure: true, Port: "143"}},
		AnchorsHash: strings.Repeat("0a", 32), LogListHash: strings.Repeat("b1", 32), FiltersHash: strings.Repeat("c2", 32), ProgramsHash: strings.Repeat("d3", 32),
	}
}

func TestRoundTrip(t *testing.T) {
	ev := full()
	// A field that full forgets would not be tested.
	for _, v := range []reflect.Value{reflect.ValueOf(*ev), reflect.ValueOf(ev.Connection), reflect.ValueOf(ev.Target), reflect.ValueOf(ev.Artefacts[0]), reflect.ValueOf(ev.Chain[0]), reflect.ValueOf(ev.Learnt[0]),
		reflect.ValueOf(*ev.DNS), reflect.ValueOf(ev.DNS.Lookups[0]), reflect.ValueOf(*ev.DNS.Service)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() && v.Type().Field(i).Tag.Get("json") != "-" {
				t.Errorf("%s.%s is not filled in", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
	b, err := Encode(ev)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, ev) {
		t.Errorf("got %+v\nwant %+v", got, ev)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const head = `{"version":1,"target":{},"time":"2026-11-01T00:00:00Z","connection":{}`
	if _, err := Decode([]byte(head + "}")); err != nil {
		t.Fatalf("the smallest evidence: %v", err)
	}
	for what, in := range map[string]string{
		"nothing":           ``,
		"null":              `null`,
		"an array":          `[]`,
		"no version":        `{"time":"2026-11-01T00:00:00Z"}`,
		"version 2":         `{"version":2,"new_field":1}`,
		"a report":          `{"version":1,"verdict":"accept"}`,
		"trailing":          head + `} {}`,
		"trailing garbage":  head + `}x`,
		"cut short":         head,
		"unknown field":     head + `,"extras":[]}`,
		"repeated field":    head + `,"chain":[],"chain":[{"cert":"AA=="}]}`,
		"other case":        head + `,"Chain":[{"cert":"AA=="}]}`,
		"no time":           `{"version":1,"target":{},"connection":{}}`,
		"bad base64":        head + `,"tls_scts":"*"}`,
		"bad stage":         head + `,"failure":{"id":"x","stage":"lunch"}}`,
		"no failure ID":     head + `,"failure":{"id":"","stage":"dns"}}`,
		"bad kind":          head + `,"artefacts":[{"kind":"dog","url":"","fetched":"2026-11-01T00:00:00Z"}]}`,
		"bad hash":          head + `,"anchors_hash":"00"}`,
		"upper-case hash":   head + `,"anchors_hash":"` + strings.Repeat("AB", 32) + `"}`,
		"negative duration": head + `,"attempts":[{"addr":"","outcome":"","start":-1,"duration":0}]}`,
		"long text":         head + `,"attempts":[{"addr":"` + strings.Repeat("a", maxText+1) + `","outcome":"","start":1,"duration":0}]}`,
		"many entries":      head + `,"chain":[` + strings.Repeat(`{"cert":""},`, maxChain) + `{"cert":""}]}`,
		"deep nesting":      head + `,"chain":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"empty learnt":      head + `,"learnt":[{}]}`,
		"learnt of nobody":  head + `,"learnt":[` + learntJSON(`"scheme":"hearsay"`) + `]}`,
		"learnt, bad hash":  head + `,"learnt":[` + learntJSON(`"scope":"AB"`) + `]}`,
		"learnt, upper hex": head + `,"learnt":[` + learntJSON(`"scope":"`+strings.Repeat("AB", 32)+`"`) + `]}`,
		"many learnt":       head + `,"learnt":[` + strings.Repeat(learntJSON("")+",", maxLearnt) + learntJSON("") + `]}`,
		"a look alone":      head + `,"source":"look"}`,
		"also in also":      head + `,"also_serves":` + head + `,"source":"look","chain":[{"cert":"AA=="}],"also_serves":` + head + `,"source":"look","chain":[{"cert":"AA=="}]}}}`,
		"also from files":   head + `,"also_serves":` + head + `,"source":"files","chain":[{"cert":"AA=="}]}}`,
		"also nothing":      head + `,"also_serves":` + head + `,"source":"look"}}`,
		"also, bad stage":   head + `,"also_serves":` + head + `,"source":"look","chain":[{"cert":"AA=="}],"failure":{"id":"x","stage":"lunch"}}}`,
		"also, too many":    head + `,"extra":[` + strings.Repeat(`"",`, maxExtra-1) + `""],"also_serves":` + head + `,"source":"look","chain":[{"cert":"AA=="}],"extra":[""]}}`,
		"unseen, bad stage": head + `,"unseen":{"id":"x","stage":"lunch"}}`,
		"code point":        `{"version":1,"target":{},"time":"2026-11-01T00:00:00Z","connection":{"version":65536}}`,
	} {
		if _, err := Decode([]byte(in)); err == nil {
			t.Errorf("%s: accepted", what)
		} else if !strings.HasPrefix(err.Error(), "evidence: ") || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%s: error text %q", what, err)
		}
	}
}

// learntJSON is an entry with one more field, which may be repeated by it.
func learntJSON(more string) string {
	h := `"` + strings.Repeat("ab", 32) + `"`
	fields := []string{`"issuer":"MAA="`, `"serial":"AQ=="`, `"issuer_key":` + h, `"signer_key":` + h, `"anchor":` + h, `"learnt":"2026-11-01T00:00:00Z"`, `"this_update":"2026-11-01T00:00:00Z"`}
	if !strings.Contains(more, "scheme") {
		fields = append(fields, `"scheme":"crl"`)
	}
	if more != "" {
		fields = append(fields, more)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// Evidence with what was learnt decodes; what entries lack is told.
func TestLearntJSON(t *testing.T) {
	const head = `{"version":1,"target":{},"time":"2026-11-01T00:00:00Z","connection":{}`
	ev, err := Decode([]byte(head + `,"learnt":[` + learntJSON("") + `]}`))
	if err != nil || len(ev.Learnt) != 1 || ev.Learnt[0].Scheme != policy.CRL || ev.Learnt[0].IssuerKey.String() != strings.Repeat("ab", 32) {
		t.Fatalf("%+v, %v", ev, err)
	}
	whole := ev.Learnt[0]
	for what, change := range map[string]func(*Learnt){
		"issuer":      func(l *Learnt) { l.Issuer = nil },
		"serial":      func(l *Learnt) { l.Serial = nil },
		"issuer key":  func(l *Learnt) { l.IssuerKey = Hash{} },
		"signer key":  func(l *Learnt) { l.SignerKey = Hash{} },
		"anchor":      func(l *Learnt) { l.Anchor = Hash{} },
		"scheme":      func(l *Learnt) { l.Scheme = 0 },
		"learnt":      func(l *Learnt) { l.Learnt = time.Time{} },
		"this update": func(l *Learnt) { l.ThisUpdate = time.Time{} },
	} {
		l := whole
		change(&l)
		if l.Valid() == nil {
			t.Errorf("without %s it is valid", what)
		}
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	ev := full()
	ev.Connection.ALPN = "\xff"
	if _, err := Encode(ev); err == nil {
		t.Error("text that is not UTF-8 was written")
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := Encode(full())
	f.Add(b)
	f.Add([]byte(`{"version":1,"target":{},"time":"2026-11-01T00:00:00Z","connection":{}}`))
	f.Add([]byte(`{"version":1,"chain":[{"cert":"AA=="}],"failure":{"id":"x","stage":"dns","params":{"a":"b"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ev, err := Decode(b)
		if err != nil {
			return
		}
		out, err := Encode(ev)
		if err != nil {
			t.Fatalf("decoded evidence does not encode: %v", err)
		}
		again, err := Decode(out)
		if err != nil {
			t.Fatalf("encoded evidence does not decode: %v", err)
		}
		out2, err := Encode(again)
		if err != nil || string(out) != string(out2) {
			t.Fatalf("second encoding differs: %v", err)
		}
	})
}

// Evidence that was saved before it said where it comes from still does.
func TestOlderFormHasSource(t *testing.T) {
	const head = `{"version":1,"target":{},"time":"2026-11-01T00:00:00Z"`
	for text, want := range map[string]Source{
		`"connection":{}`: SourceFiles,
		`"connection":{},"attempts":[{"addr":"192.0.2.1:443","outcome":"refused","start":0,"duration":0}]`: SourceDial,
		`"connection":{},"failure":{"id":"dns-not-found","stage":"dns"}`:                                   SourceDial,
		`"connection":{"version":772}`:         SourceHandshake,
		`"connection":{},"source":"handshake"`: SourceHandshake,
	} {
		ev, err := Decode([]byte(head + "," + text + "}"))
		if err != nil || ev.Source != want {
			t.Errorf("%s: %+v, %v", text, ev, err)
		}
	}
	if _, err := Decode([]byte(head + `,"connection":{},"source":"hearsay"}`)); err == nil {
		t.Error("an unknown source was read")
	}
}
