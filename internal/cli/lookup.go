package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/tlsnames"
)

// The bounds of a search: a pasted log is cut, and nobody reads more results.
const (
	maxQuery = 2000 // bytes of a question
	maxWords = 24   // its words that are searched for
	maxFull  = 3    // findings that are explained in full for one message
	maxFound = 8    // findings that a search by words lists
)

// found is what a question led to.
type found struct {
	kinds []finding.Kind
	notes []string // what the words are and what else there is to know; whole sentences
	words bool     // found by words alone: a choice, no translation
}

// lookUp finds the kinds that the arguments name: each by its ID or by OpenSSL's
// name or number for it; otherwise all of them together are the words or the code of
// another program, or words to search for.
func lookUp(args []string) (found, error) {
	var out found
	for _, arg := range args {
		ks, note, ok := exact(arg)
		if !ok {
			return search(args)
		}
		out.add(ks...)
		if note != "" {
			out.notes = append(out.notes, note)
		}
	}
	return out, nil
}

// exact finds kinds by one ID, or by OpenSSL's name or number of an error.
func exact(arg string) (ks []finding.Kind, note string, ok bool) {
	if k, ok := finding.Lookup(finding.ID(strings.ToLower(arg))); ok {
		return []finding.Kind{k}, "", true
	}
	if e, ok := finding.LookupOpenSSL(arg); ok {
		ks, note = openSSLKinds(e)
		return ks, note, true
	}
	return nil, "", false
}

func (f *found) add(ks ...finding.Kind) {
	for _, k := range ks {
		if !slices.ContainsFunc(f.kinds, func(have finding.Kind) bool { return have.ID == k.ID }) {
			f.kinds = append(f.kinds, k)
		}
	}
}

// openSSLKinds are the findings behind one of OpenSSL's errors, the best match
// first, and what there is to say about it.
func openSSLKinds(e finding.OpenSSLError) (ks []finding.Kind, note string) {
	if k, ok := finding.Lookup(e.ID); ok {
		ks = append(ks, k)
	}
	for _, k := range finding.Kinds() {
		if k.OpenSSL == e.Name && k.ID != e.ID {
			ks = append(ks, k)
		}
	}
	note = fmt.Sprintf("%s (%d) is OpenSSL's %q.", e.Name, e.Code, openSSLWords[e.Code])
	if e.Note != "" {
		note += " " + sentence(e.Note)
	}
	return ks, note
}

// sentence makes a note a sentence.
func sentence(s string) string {
	if !strings.HasPrefix(s, "assay") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.TrimSuffix(s, ".") + "."
}

// search finds what other programs say, and else findings by words.
func search(args []string) (found, error) {
	query := strings.Join(args, " ")
	question := plain(query[:min(len(query), maxQuery)])
	if out, ok := searchMessages(question); ok {
		return out, nil
	}
	if len(args) == 1 && command.Nearest(strings.ToLower(query), kindIDs()) != "" { // a slip in an ID
		return found{}, unknownFinding(query)
	}
	if ks := searchWords(question); len(ks) > 0 {
		return found{kinds: ks, words: len(ks) > 1}, nil
	}
	return found{}, unknownFinding(query)
}

// plain reduces text to its words in lower case, so that quotes, colons and the
// underscores of codes do not matter.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}

// contains reports whether the words of part stand in question one after the
// other; "…" in part stands for any words.
func contains(question, part string) bool {
	question = " " + question + " "
	for _, p := range strings.Split(part, "…") {
		p = " " + plain(p) + " "
		i := strings.Index(question, p)
		if i < 0 {
			return false
		}
		question = question[i+len(p)-1:]
	}
	return true
}

// searchMessages finds the words or the code of another program in the question: the
// longest that stands in it, since that says most, and a general one only where
// there is no other.
func searchMessages(question string) (found, bool) {
	var best struct {
		length int
		out    found
	}
	offer := func(words string, general bool, make func() found) {
		n := len(plain(words))
		if !general {
			n += maxQuery
		}
		if n > best.length && contains(question, words) {
			best.length, best.out = n, make()
		}
	}
	for code, words := range openSSLWords {
		offer(words, false, func() found {
			e, _ := finding.LookupOpenSSL(strconv.Itoa(code))
			ks, note := openSSLKinds(e)
			return found{kinds: ks, notes: []string{note}}
		})
	}
	for _, p := range messages {
		for _, m := range p.list {
			offer(m.words, m.general, func() found {
				return found{kinds: kindsOf(m.ids), notes: []string{strings.TrimSpace(fmt.Sprintf("%q is a message of %s. %s", m.words, p.program, m.note))}}
			})
		}
	}
	for code := range 256 {
		code := uint8(code)
		name := tlsnames.Alert(code)
		if strings.HasPrefix(name, "alert ") { // has no name
			continue
		}
		for _, words := range []string{"alert " + name, "alert number " + strconv.Itoa(int(code)), "alert " + strconv.Itoa(int(code)), "tls: " + alertWords(name), name} {
			if words == "close_notify" || words == name && !strings.Contains(question, "alert") && question != plain(name) {
				continue // plain words such as "access denied"
			}
			offer(words, false, func() found { return alertFound(code) })
		}
	}
	// Go says some alerts in other words.
	for words, code := range map[string]uint8{"tls: unknown certificate authority": 48, "tls: expired certificate": 45, "tls: revoked certificate": 44, "tls: error decrypting message": 51, "tls: error decoding message": 50} {
		offer(words, false, func() found { return alertFound(code) })
	}
	best.out.kinds = best.out.kinds[:min(len(best.out.kinds), maxFull)]
	return best.out, best.length > 0
}

func alertWords(name string) string { return strings.ReplaceAll(name, "_", " ") }

// alertFound explains a TLS alert.
func alertFound(code uint8) found {
	list := alerts[code]
	if len(list) == 0 {
		list = []finding.ID{finding.TLSAlert}
	}
	note := fmt.Sprintf("The TLS alert %s (%d), sent by a server: %s.", tlsnames.Alert(code), code, tlsnames.AlertMeaning(code))
	if code >= 42 && code <= 48 && code != 47 {
		note += " In a server's log the client sent it: then the client rejects the server's certificate. Run assay check against your server."
	}
	return found{kinds: kindsOf(list), notes: []string{note}}
}

func kindsOf(list []finding.ID) (ks []finding.Kind) {
	for _, id := range list {
		if k, ok := finding.Lookup(id); ok {
			ks = append(ks, k)
		}
	}
	return ks
}

// weakWords say nothing about what is searched for.
var weakWords = map[string]bool{
	"a": true, "an": true, "and": true, "assay": true, "by": true, "error": true, "failed": true, "for": true, "has": true, "in": true, "is": true, "it": true,
	"my": true, "no": true, "not": true, "of": true, "on": true, "or": true, "ssl": true, "the": true, "this": true, "tls": true, "to": true, "with": true, "why": true,
}

// searchWords ranks the kinds by the words of the question: a word in the ID
// counts most, then in the title, then in the rest. All words that are found in any
// kind must not be few: at least half of the words have to be there.
func searchWords(question string) []finding.Kind {
	var words []string
	for _, w := range strings.Fields(question) {
		if len(w) > 1 && !weakWords[w] && !slices.Contains(words, w) && len(words) < maxWords {
			words = append(words, stem(w))
		}
	}
	type hit struct {
		kind  finding.Kind
		score int
	}
	var hits []hit
	for _, k := range finding.Kinds() {
		id, title, rest := " "+plain(string(k.ID)), " "+plain(k.Title), " "+plain(k.Explain+" "+k.Risk+" "+k.Fix+" "+k.Spec)
		score, have := 0, 0
		for _, w := range words {
			n := 0
			switch {
			case strings.Contains(id, " "+w):
				n = 8
			case strings.Contains(title, " "+w):
				n = 4
			case strings.Contains(rest, " "+w):
				n = 1
			}
			if n > 0 {
				score, have = score+n, have+1
			}
		}
		if have > 0 && 2*have >= len(words) {
			hits = append(hits, hit{k, score*16 + have*have*32})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.kind.Rank, a.kind.Rank))
	})
	var ks []finding.Kind
	for _, h := range hits[:min(len(hits), maxFound)] {
		ks = append(ks, h.kind)
	}
	return ks
}

// stem cuts the commonest endings off, so that "certificates expired" finds
// "certificate expires".
func stem(w string) string {
	for _, end := range []string{"ing", "ed", "es", "s"} {
		if s, ok := strings.CutSuffix(w, end); ok && len(s) > 3 {
			return s
		}
	}
	return w
}

// unknownFinding is the usage error for a question without an answer.
func unknownFinding(query string) error {
	u := usagef("there is no finding %q", finding.Quote(query))
	if near := command.Nearest(strings.ToLower(query), kindIDs()); near != "" {
		u.Hint("did you mean %s?", near)
	}
	return u.Hint("assay explain lists all findings; it also takes the message of another program, or words")
}

// scenarioOf is the lab's scenario that shows a kind best, "" when none does: one
// that finds little else.
func scenarioOf(id finding.ID) string {
	name, fewest := "", 0
	for _, s := range scenarios.All() {
		if slices.Contains(s.Findings, id) && !s.Local && (name == "" || len(s.Findings) < fewest) {
			name, fewest = s.Name, len(s.Findings)
		}
	}
	return name
}

// kindIDs are the IDs of all kinds.
func kindIDs() (out []string) {
	for _, k := range finding.Kinds() {
		out = append(out, string(k.ID))
	}
	return out
}

// explainWords are what a shell completes: IDs, OpenSSL's names, and the codes of
// other programs, which are single words.
func explainWords() (words []string) {
	words = kindIDs()
	for _, e := range finding.OpenSSLErrors() {
		words = append(words, e.Name)
	}
	for _, p := range messages {
		for _, m := range p.list {
			if strings.Contains(m.words, "_") && !strings.ContainsAny(m.words, " :") {
				words = append(words, m.words)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}
