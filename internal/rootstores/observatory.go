package rootstores

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// observatoryPrograms are the platforms that are taken. Mozilla's has no date of
// distrust, and Oracle's and OpenJDK's are no programs here.
var observatoryPrograms = map[string]policy.Program{
	"APPLE": policy.ProgramApple, "GOOGLE_AOSP": policy.ProgramAndroid, "MICROSOFT_WINDOWS": policy.ProgramMicrosoft,
}

// readObservatory reads a store of trust_stores_observatory: YAML of a fixed shape, lines
// "key: value" and two lists of a name and a fingerprint each. Any other YAML is
// refused.
func readObservatory(b []byte) (*Publication, error) {
	y := observatory{heads: map[string]string{}}
	for i, line := range strings.Split(string(b), "\n") {
		if err := y.line(strings.TrimRight(line, "\r ")); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if y.half {
		return nil, errors.New("the file ends within a certificate: it was cut off")
	}
	if y.heads["platform"] == "MOZILLA_NSS" {
		return nil, errors.New("it has Mozilla's roots without the dates of distrust: give certdata.txt")
	}
	program, known := observatoryPrograms[y.heads["platform"]]
	if !known {
		return nil, fmt.Errorf("the platform %.40q is none that assay judges", y.heads["platform"])
	}
	made, err := time.Parse(time.DateOnly, y.heads["date_fetched"])
	if err != nil {
		return nil, fmt.Errorf("date_fetched is %.40q", y.heads["date_fetched"])
	}
	for list, n := range y.counts {
		if want := y.heads[list+"_count"]; want != "" && want != fmt.Sprint(n) {
			return nil, fmt.Errorf("%s are %d, and %.20s were to come: it was cut off or changed", list, n, want)
		}
	}
	p := &Publication{Kind: Observatory, Made: made, Partial: program == policy.ProgramMicrosoft, MembershipOnly: program == policy.ProgramMicrosoft,
		Lists: []programs.List{{Program: program, Entries: y.found.list}}}
	if v := y.heads["version"]; v != "null" {
		p.Version = shorten(v)
	}
	return p, nil
}

// The lists of a store.
const (
	trustedList = "trusted_certificates"
	blockedList = "blocked_certificates"
)

// observatory is what has been read of a store.
type observatory struct {
	heads  map[string]string
	counts map[string]int
	list   string // the list that is being read, "" before the first
	name   string // of the certificate that has no fingerprint yet
	half   bool
	found  entries
}

// line reads one line.
func (y *observatory) line(line string) error {
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return nil
	case strings.HasPrefix(line, "- subject_name: ") && y.list != "" && !y.half:
		y.name, y.half = unquoteYAML(strings.TrimPrefix(line, "- subject_name: ")), true
		return nil
	case strings.HasPrefix(line, "  fingerprint: ") && y.half:
		y.half = false
		return y.certificate(unquoteYAML(strings.TrimPrefix(line, "  fingerprint: ")))
	case strings.HasPrefix(line, "    ") && y.half: // a long name goes on
		y.name += " " + strings.Trim(strings.TrimSpace(line), "'\"")
		return nil
	}
	key, value, ok := strings.Cut(line, ":")
	if _, twice := y.heads[key]; !ok || twice || y.half || strings.ContainsAny(key, " -\t\"'{[&*") {
		return fmt.Errorf("not the shape of a store: %.60q", line)
	}
	y.heads[key] = unquoteYAML(strings.TrimSpace(value))
	if key == trustedList || key == blockedList {
		if v := y.heads[key]; v != "" && v != "[]" {
			return fmt.Errorf("not the shape of a store: %.60q", line)
		}
		y.list = key
	}
	return nil
}

// certificate ends one item.
func (y *observatory) certificate(fingerprint string) error {
	id, err := hex.DecodeString(fingerprint)
	if err != nil || len(id) != 32 {
		return fmt.Errorf("%.80q is no SHA-256 fingerprint", fingerprint)
	}
	if y.counts == nil {
		y.counts = map[string]int{}
	}
	y.counts[y.list]++
	e := programs.Entry{SHA256: [32]byte(id), Name: shorten(y.name), Trust: programs.Anchor}
	switch blocked := y.list == blockedList; {
	case observatoryPrograms[y.heads["platform"]] == policy.ProgramMicrosoft:
		// Microsoft's roots are for more than TLS, and what is called blocked was
		// disabled or is limited by a date.
		e.UsagesUnknown, e.Restricted = true, blocked
	case blocked:
		e.Trust = programs.Distrusted
	}
	return y.found.add(e)
}

// escapesYAML turns the escapes of YAML's double-quoted scalars that Go's strings read
// otherwise into those that they read alike: \xED is the character U+00ED.
var escapesYAML = strings.NewReplacer(`\\`, `\\`, `\x`, `\u00`, `\/`, `/`, `\ `, ` `)

// unquoteYAML takes the quotation marks off a scalar. What it cannot read it leaves
// as it is: these are names, for people.
func unquoteYAML(s string) string {
	switch {
	case len(s) < 2 || s[len(s)-1] != s[0]:
	case s[0] == '\'':
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	case s[0] == '"':
		if text, err := strconv.Unquote(escapesYAML.Replace(s)); err == nil && utf8.ValidString(text) {
			return text
		}
	}
	return s
}
