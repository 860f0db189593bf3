package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
)

// Profile is a named set of defaults. The zero is that of `assay check`, which
// is the zero Policy.
type Profile uint8

// The profiles.
const (
	Check    Profile = iota // assay check
	Verify                  // assay verify
	Connect                 // assay connect: what nobody could be asked about refuses
	Web                     // handshakes of the library with servers of the web: an outage of others passes with a warning
	Internal                // handshakes within one's own PKI: what nobody could be asked about refuses
	HardFail                // handshakes that refuse whatever is not proven
)

var profileWords = []string{"check", "verify", "connect", "web", "internal", "hard-fail"}

// ParseProfile reads a profile's word.
func ParseProfile(s string) (Profile, error) { return parse[Profile](profileWords, s) }

// AllProfile lists the profiles.
func AllProfile() []Profile { return all[Profile](profileWords) }

// String returns the profile's word.
func (f Profile) String() string { return word(profileWords, f) }

// MarshalText returns the profile's word.
func (f Profile) MarshalText() ([]byte, error) { return marshal(profileWords, f) }

// UnmarshalText reads a profile's word.
func (f *Profile) UnmarshalText(b []byte) error { return unmarshal(profileWords, f, b) }

// Policy returns the rules of the profile.
func (f Profile) Policy() Policy {
	var p Policy
	for _, field := range table() {
		if d, ok := field.defaults[f]; ok {
			if err := field.set(&p, d); err != nil {
				panic("policy: the default of " + field.Name + ": " + err.Error())
			}
		}
	}
	return p
}

// Field is one rule as people set it: a flag, a query parameter, a member of the
// JSON form.
type Field struct {
	Name    string   // of the flag, without hyphens before it
	Group   string   // the heading under which it stands
	Value   string   // what a value looks like; "" is a switch: "true" or "false"
	Help    string   // one line; a default that is not the zero's value is said in it
	Words   []string // the values where they are few, nil otherwise
	List    bool     // a value may be several words joined by commas
	Alone   string   // the word that is never one of several, "" for none
	Implied string   // what the flag means without a value; "": it needs one
	Repeats bool     // each value is added to those before

	offered  []Profile          // whose flags they are
	defaults map[Profile]string // where it is not the zero Policy's
	get      func(*Policy) []string
	set      func(*Policy, string) error
}

// Offered reports whether the commands of profile f have a flag for the field.
func (f *Field) Offered(by Profile) bool { return slices.Contains(f.offered, by) }

// Set reads a value into p, or adds it where the field repeats. The error says
// what a value must be.
func (f *Field) Set(p *Policy, value string) error { return f.set(p, value) }

// Get returns p's values: none where it is a default without a word, one, or as
// many as the field was given.
func (f *Field) Get(p Policy) []string { return f.get(&p) }

// Default returns the field's value in profile f as text, "" where there is none.
func (f *Field) Default(profile Profile) string {
	p := profile.Policy()
	return strings.Join(f.get(&p), ",")
}

// Fields returns the table of fields, in the order of its groups.
func Fields() []Field { return slices.Clone(table()) }

// Lookup returns the field of a name.
func Lookup(name string) (Field, bool) {
	for _, f := range table() {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// The headings.
const (
	groupTrust      = "Trust"
	groupJudgement  = "Judgement"
	groupRevocation = "Revocation"
	groupCT         = "Certificate Transparency"
)

var (
	judges    = []Profile{Check, Verify}
	everybody = []Profile{Check, Verify, Connect}
)

// table is every rule, once: flags, help, completions, the JSON form and
// docs/policy.md are made from it. It is built when it is first asked for, which
// a program that only judges may never do.
var table = sync.OnceValue(func() []Field {
	return []Field{
		choice("trust", groupTrust, "whose roots decide: this computer's, or those of one root program with its constraints", everybody, AllProgram(), ParseProgram, func(p *Policy) *Program { return &p.Trust }),
		{Name: "programs", Group: groupTrust, Value: "LIST", Help: "also say for each root program whether it accepts the certificate, and why: all, or some of " + strings.Join(programWords, ",") + " (alone it means all)",
			List: true, Words: append([]string{allProgramsWord}, programWords...), Alone: allProgramsWord, Implied: allProgramsWord, offered: judges,
			get: func(p *Policy) []string {
				if p.Programs == 0 {
					return nil
				}
				return []string{p.Programs.String()}
			},
			set: func(p *Policy, s string) error {
				v, err := ParsePrograms(s)
				if err == nil {
					p.Programs = v
				}
				return err
			}},

		list("name", groupJudgement, "NAME", "name that the certificate must be for: host, IP address, e-mail or URI (spiffe://...); repeatable, all must match (default for check and connect: the host)",
			judges, func(p *Policy) *[]string { return &p.Names }, checkName),
		list("require-dns", groupJudgement, "HOST", "host name that must match as well; repeatable",
			judges, func(p *Policy) *[]string { return &p.RequireDNS }, CheckHost),
		list("require-ip", groupJudgement, "ADDR", "IP address that must match as well; repeatable",
			judges, func(p *Policy) *[]string { return &p.RequireIP }, checkIP),
		list("require-email", groupJudgement, "ADDR", "e-mail address that must match as well; repeatable",
			judges, func(p *Policy) *[]string { return &p.RequireEmail }, checkEmail),
		toggle("no-name", groupJudgement, "compare no name", judges, func(p *Policy) *bool { return &p.NoName }),
		toggle("no-wildcards", groupJudgement, "accept no wildcard names", judges, func(p *Policy) *bool { return &p.NoWildcards }),
		choice("purpose", groupJudgement, "what the certificate is used for", judges, AllPurpose(), ParsePurpose, func(p *Policy) *Purpose { return &p.Purpose }),
		{Name: "time", Group: groupJudgement, Value: "TIME", Help: "time of the check (RFC 3339) instead of now", offered: judges,
			get: func(p *Policy) []string {
				if p.Time.IsZero() {
					return nil
				}
				b, _ := p.Time.MarshalText() // RFC 3339 with all of its fraction; setTime bounds the year
				return []string{string(b)}
			},
			set: setTime},
		{Name: "expires-within", Group: groupJudgement, Value: "14d|30%", Help: "reject when less than this is left until a certificate of the path expires; a percentage is of the lifetime and concerns the server's certificate alone (default: warn alone, below a quarter of the lifetime or 20 days)",
			offered: judges,
			get: func(p *Policy) []string {
				if p.ExpiresWithin == (Margin{}) {
					return nil
				}
				return []string{p.ExpiresWithin.String()}
			},
			set: func(p *Policy, s string) error {
				m, err := ParseMargin(s)
				if err == nil {
					p.ExpiresWithin = m
				}
				return err
			}},
		toggle("strict", groupJudgement, "enforce every rule of RFC 5280's profile", everybody, func(p *Policy) *bool { return &p.Strict }).except(map[Profile]string{HardFail: "true"}),
		{Name: "security-level", Group: groupJudgement, Value: "N", Help: "0 to 5, with OpenSSL's meanings (default: none)", Words: levelWords[1:], offered: everybody,
			get: func(p *Policy) []string {
				if p.SecurityLevel == LevelDefault {
					return nil
				}
				return []string{p.SecurityLevel.String()}
			},
			set: func(p *Policy, s string) error {
				n, err := number(s, 0, 5)
				if err == nil {
					p.SecurityLevel = Level0 + SecurityLevel(n)
				}
				return err
			}},
		{Name: "min-rsa", Group: groupJudgement, Value: "N", Help: "smallest RSA key in bits (default 2048)", offered: everybody,
			get: func(p *Policy) []string { return digits(p.MinRSA, p.MinRSA != 0) },
			set: func(p *Policy, s string) error {
				n, err := number(s, LeastRSA, MostRSA)
				if err == nil {
					p.MinRSA = n
				}
				return err
			}},
		{Name: "max-depth", Group: groupJudgement, Value: "N", Help: "largest number of intermediates; 0 allows none (default 20)", offered: judges,
			get: func(p *Policy) []string { return digits(max(p.MaxDepth, 0), p.MaxDepth != 0) },
			set: func(p *Policy, s string) error {
				n, err := number(s, 0, MostPath)
				if err == nil && n == 0 {
					n = NoIntermediates
				}
				if err == nil {
					p.MaxDepth = n
				}
				return err
			}},
		// Who names a certificate policy wants it asserted, though RFC 5280 has two inputs.
		list("policy", groupJudgement, "OID", "certificate policy that must be asserted, one of them if repeated; implies --explicit-policy",
			judges, func(p *Policy) *[]string { return &p.Policies }, CheckOID).also(func(p *Policy) { p.ExplicitPolicy = true }),
		toggle("explicit-policy", groupJudgement, "require a certificate policy, any if none is named (initial-explicit-policy)", judges, func(p *Policy) *bool { return &p.ExplicitPolicy }),
		toggle("inhibit-map", groupJudgement, "allow no policy mapping (initial-policy-mapping-inhibit)", judges, func(p *Policy) *bool { return &p.InhibitMapping }),
		toggle("inhibit-any", groupJudgement, "do not let anyPolicy match (initial-any-policy-inhibit)", judges, func(p *Policy) *bool { return &p.InhibitAnyPolicy }),
		{Name: "allow", Group: groupJudgement, Value: "ID[,ID]", Help: "accept a server in spite of these findings, with a warning; only those that assay explain calls waivable; repeatable",
			List: true, Repeats: true, Words: waivable(), offered: everybody,
			get: func(p *Policy) (ids []string) {
				for _, id := range p.Allow {
					ids = append(ids, string(id))
				}
				return ids
			},
			set: func(p *Policy, s string) error {
				for id := range strings.SplitSeq(s, ",") {
					if id == "" {
						return errEmpty
					}
					p.Allow = append(p.Allow, finding.ID(id))
				}
				return nil
			}},

		{Name: "revocation", Group: groupRevocation, Value: "off|LIST", Help: "sources to ask, of staple,crlite,crl,ocsp (default all)", List: true,
			Words: append([]string{offWord}, schemeWords[1:]...), Alone: offWord, offered: everybody,
			get: func(p *Policy) []string {
				if p.Schemes == 0 {
					return nil
				}
				return []string{p.Schemes.String()}
			},
			set: func(p *Policy, s string) error {
				v, err := ParseSchemes(s)
				if err == nil {
					p.Schemes = v
				}
				return err
			}},
		choice("revocation-stop", groupRevocation, "stop at the first source that gives a status, or ask all", judges, AllStop(), ParseStop, func(p *Policy) *Stop { return &p.Stop }),
		choice("revocation-depth", groupRevocation, "check only the server's certificate, or the whole chain", everybody, AllDepth(), ParseDepth, func(p *Policy) *Depth { return &p.Depth }),
		choice("unknown", groupRevocation, "result when no revocation source gives a status", everybody, AllUnknown(), ParseUnknown, func(p *Policy) *Unknown { return &p.Unknown }).
			except(map[Profile]string{Connect: "deny", Web: "warn", Internal: "deny", HardFail: "deny"}),
		choice("stale", groupRevocation, "result when a CRL or OCSP response is past its nextUpdate", judges, AllStale(), ParseStale, func(p *Policy) *Stale { return &p.Stale }),
		span("max-age", groupRevocation, "ignore CRLs and OCSP responses older than this", func(p *Policy) *time.Duration { return &p.MaxAge }, 0),
		toggle("require-nonce", groupRevocation, "send a nonce, and count only OCSP responses that return it", judges, func(p *Policy) *bool { return &p.RequireNonce }),
		span("skew", groupRevocation, "allowed clock difference for the dates of CRLs and OCSP responses", func(p *Policy) *time.Duration { return &p.Skew }, DefaultSkew),

		choice("ct", groupCT, "Certificate Transparency policy to apply", everybody, AllCTMode(), ParseCTMode, func(p *Policy) *CTMode { return &p.CT }),
		choice("ct-depth", groupCT, "whose SCTs count", judges, AllCTDepth(), ParseCTDepth, func(p *Policy) *CTDepth { return &p.CTDepth }),
	}
})

// except gives profiles defaults of their own.
func (f Field) except(defaults map[Profile]string) Field {
	f.defaults = defaults
	return f
}

// also has then run after a value was read.
func (f Field) also(then func(*Policy)) Field {
	set := f.set
	f.set = func(p *Policy, s string) error {
		err := set(p, s)
		if err == nil {
			then(p)
		}
		return err
	}
	return f
}

// choice is a field whose type has words.
func choice[E interface {
	comparable
	String() string
}](name, group, help string, offered []Profile, values []E, parse func(string) (E, error), at func(*Policy) *E) Field {
	var words []string
	for _, v := range values {
		words = append(words, v.String())
	}
	return Field{Name: name, Group: group, Value: "WORD", Help: help, Words: words, offered: offered,
		get: func(p *Policy) []string { return []string{(*at(p)).String()} },
		set: func(p *Policy, s string) error {
			v, err := parse(s)
			if err != nil {
				return errors.New("must be one of " + strings.Join(words, ", "))
			}
			*at(p) = v
			return nil
		}}
}

// list is a field of names that are added up.
func list(name, group, value, help string, offered []Profile, at func(*Policy) *[]string, check func(string) error) Field {
	return Field{Name: name, Group: group, Value: value, Help: help, Repeats: true, offered: offered,
		get: func(p *Policy) []string { return slices.Clone(*at(p)) },
		set: func(p *Policy, s string) error {
			if s == "" {
				return errEmpty
			}
			if err := check(s); err != nil {
				return err
			}
			*at(p) = append(slices.Clip(*at(p)), s)
			return nil
		}}
}

// toggle is a field that is on or off, and off by default.
func toggle(name, group, help string, offered []Profile, at func(*Policy) *bool) Field {
	return Field{Name: name, Group: group, Help: help, offered: offered,
		get: func(p *Policy) []string { return []string{strconv.FormatBool(*at(p))} },
		set: func(p *Policy, s string) error {
			v, err := strconv.ParseBool(s)
			if err != nil {
				return errors.New("must be true or false")
			}
			*at(p) = v
			return nil
		}}
}

// span is a field that is a length of time; def stands for 0.
func span(name, group, help string, at func(*Policy) *time.Duration, def time.Duration) Field {
	return Field{Name: name, Group: group, Value: "DURATION", Help: help, offered: everybody,
		get: func(p *Policy) []string {
			d := *at(p)
			if d == 0 {
				d = def
			}
			if d == 0 {
				return nil
			}
			return []string{FormatDuration(d)}
		},
		set: func(p *Policy, s string) error {
			d, err := ParseDuration(s)
			if err == nil {
				*at(p) = d
			}
			return err
		}}
}

var errEmpty = errors.New("must not be empty")

// checkName wants what certpath reads as a reference identifier; it looks closer.
func checkName(s string) error {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if scheme == "" || rest == "" || strings.ContainsAny(s, " \t\r\n") {
			return fmt.Errorf("%q is not a URI", s)
		}
		return nil
	}
	if strings.Contains(s, "@") {
		return checkEmail(s)
	}
	return CheckHost(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
}

// ParseDuration reads a positive length of time in Go's notation.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("must be a duration like 500ms, 10s, 5m or 24h")
	}
	if d <= 0 {
		return 0, errors.New("must be longer than nothing")
	}
	return d, nil
}

// FormatDuration writes d as ParseDuration reads it, without units that are 0.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// setTime reads a moment. Years are RFC 5280's earliest to RFC 3339's last; the
// zero time would mean now.
func setTime(p *Policy, s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("must be a time as RFC 3339 writes it, like 2026-12-01T00:00:00Z")
	}
	if t = t.UTC(); t.Year() < 1950 || t.Year() > 9999 {
		return errors.New("must be a time from 1950 to 9999")
	}
	p.Time = t
	return nil
}

// number reads a whole number within bounds.
func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("must be a number from %d to %d", low, high)
	}
	return n, nil
}

func digits(n int, given bool) []string {
	if !given {
		return nil
	}
	return []string{strconv.Itoa(n)}
}

// waivable lists the findings that may be waived.
func waivable() (ids []string) {
	for k := range finding.All() { // every start makes this list
		if k.Allowable && k.Severity >= finding.Inconclusive {
			ids = append(ids, string(k.ID))
		}
	}
	slices.Sort(ids)
	return ids
}
