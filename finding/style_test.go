package finding

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// titleStart is how a title begins: with what it is about.
var titleStart = regexp.MustCompile(`^(the|a|an|no|assay|this computer|\{[a-z-]+\}) ?`)

// hostless are the kinds whose title names the host, because the name itself
// is what is wrong; every other line with a title has the target in front.
var hostNamed = map[ID]bool{DNSNotFound: true, DNSTimeout: true, DNSFailure: true, DNSNoAddress: true}

// foreign are words that have another in their place in every text for people:
// one term for each thing.
var foreign = map[string]string{
	`revocation lists?`:                "CRL",
	`octets?`:                          "byte",
	`(certificate )?authorit(y|ies)\b`: "CA",
	`trust anchors?`:                   "trusted root",
	`anchors?`:                         "trusted root",
	`end[- ]entit(y|ies)`:              "the server's certificate",
	`leaf`:                             "the server's certificate",
	`(some|any|every)body|anyone|everyone|whoever`: "an attacker, someone, the owner of any certificate",
	`on the way`:                              "between you and the server",
	`answers?|answered|answering`:             "response, status, reply",
	`judged?|judges|judgements?|judging`:      "check",
	`for ever|all the same|as a rule|at hand`: "plain words",
	`mostly`:                                 "usually",
	`if it (stays|persists)`:                 "if it fails again",
	`beside`:                                 "in addition to",
	`was to be|gives? up|gave up|stands? in`: "plain words",
	`tell it|tell the CA`:                    "report it to the CA",
	`[Gg]ive`:                                "pass",
	`be had`:                                 "obtain",
	`machine`:                                "this computer",
	`None is (shown|known)|None by itself|None\.`: "No direct risk.",
	`hands it out`: "deliver",
}

// subjects are sentences whose subject is not named.
var subjects = regexp.MustCompile(`(^|[.:;,] )(Who|Whoever|Whether|What is|What came|whoever|whether the|who does|who breaks|who steals|who may)\b`)

// rfc3339Form and goDuration are the forms of programs.
var (
	rfc3339Form = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:`)
	goDuration  = regexp.MustCompile(`[0-9]h[0-9]+m|[0-9]m[0-9]+s`)
)

// sentences splits a text at the ends of its sentences.
func sentences(text string) []string {
	return regexp.MustCompile(`[.:] +(?:[A-Z"]|assay )`).Split(text, -1)
}

// countSentences counts the sentences of a text and how many of them say what
// to do in one case.
func countSentences(text string) (all, cases int) {
	for _, s := range regexp.MustCompile(`\. +`).Split(text, -1) {
		all++
		if strings.HasPrefix(s, "If ") {
			cases++
		}
	}
	return all, cases
}

// actors say who has to do something.
var actors = regexp.MustCompile(`If it is your|If it is not|If you run|[Rr]eport it to|[Nn]othing (needs|urgent)|this computer|Run it again|Run the check again|` +
	`If you (meant|passed|pass|set|use|have|know)|See the finding|Check the port|--[a-z]|another network|Pass at least`)

// The texts keep the rules of style that a test can hold.
func TestStyle(t *testing.T) {
	words := map[*regexp.Regexp]string{}
	for w, use := range foreign {
		words[regexp.MustCompile(`(?:^|[^a-zA-Z-])(`+w+`)(?:[^a-zA-Z-]|$)`)] = use
	}
	for _, k := range Kinds() {
		bad := func(format string, args ...any) { t.Helper(); t.Errorf("%s: "+format, append([]any{k.ID}, args...)...) }
		if !titleStart.MatchString(k.Title) {
			bad("a title begins with an article, a parameter, assay or this computer: %q", k.Title)
		}
		if strings.Contains(k.Title, "{host}") && !hostNamed[k.ID] {
			bad("the title names the host: %q", k.Title)
		}
		if n := utf8.RuneCountInString(param.ReplaceAllString(k.Title, "")); n > 90 {
			bad("a title of %d characters", n)
		}
		for _, text := range []string{k.Explain, k.Risk} {
			if strings.ContainsAny(text, "{}") {
				bad("a parameter outside of the title: %q", text)
			}
		}
		for _, text := range []string{k.Title, k.Explain, k.Risk, k.Fix} {
			text := strings.ReplaceAll(text, "authority key identifier", "key identifier") // the extension's name
			for w, use := range words {
				if m := w.FindStringSubmatch(text); m != nil {
					bad("%q stands for %s in %q", m[1], use, text)
				}
			}
			if m := subjects.FindString(text); m != "" {
				bad("%q is no subject: %q", m, text)
			}
			if rfc3339Form.MatchString(text) || goDuration.MatchString(text) {
				bad("a time or duration as programs write it: %q", text)
			}
		}
		for _, s := range sentences(k.Explain) {
			if n := len(strings.Fields(s)); n > 25 {
				bad("a sentence of %d words: %q", n, s)
			}
		}
		if n, _ := countSentences(k.Explain); n > 3 {
			bad("%d sentences explain: %q", n, k.Explain)
		}
		if n, _ := countSentences(k.Risk); n > 2 {
			bad("%d sentences tell the risk: %q", n, k.Risk)
		}
		if n, cases := countSentences(k.Fix); n-cases > 3 || n > 6 {
			bad("%d sentences, %d of them cases, say what to do: %q", n, cases, k.Fix)
		}
		if !actors.MatchString(k.Fix) {
			bad("nobody is told to act: %q", k.Fix)
		}
	}
}
