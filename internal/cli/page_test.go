package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	pageStyle  = regexp.MustCompile(`(?s)<style>.*?</style>`)
	pageTag    = regexp.MustCompile(`<[^>]*>`)
	pageSpaces = regexp.MustCompile(`\s+`)
)

// oneLine is the text of a page or of a terminal with single spaces.
func oneLine(s string) string {
	s = pageTag.ReplaceAllString(pageStyle.ReplaceAllString(s, " "), " ")
	return strings.TrimSpace(pageSpaces.ReplaceAllString(html.UnescapeString(s), " "))
}

// causeOf is the verdict's line and the cause of a report as text, as a page has them.
func causeOf(text string) (verdict, cause string) {
	verdict, rest, _ := strings.Cut(text, "\n")
	for _, label := range []string{"\n  cause ", "\n  warning ", "\n  info "} {
		if _, after, ok := strings.Cut(rest, label); ok {
			cause, _, _ = strings.Cut(after, "]")
			return pageSpaces.ReplaceAllString(verdict, " "), strings.TrimSpace(pageSpaces.ReplaceAllString(strings.Replace(cause, "[", "", 1), " "))
		}
	}
	_, rest, _ = strings.Cut(rest, "\n\n")
	cause, _, _ = strings.Cut(rest, "\n\n")
	return pageSpaces.ReplaceAllString(verdict, " "), strings.TrimSpace(pageSpaces.ReplaceAllString(cause, " "))
}

// The page of a report says what the text says: the verdict, the target and the cause
// in the same words, and it ends with the same status. Both are made from the same evidence.
func TestPageSaysWhatTextSays(t *testing.T) {
	l := startLab(t)
	evid := filepath.Join(t.TempDir(), "e.json")
	for _, name := range []string{"good", "good-staple", "revoked-by-staple", "revoked-by-crl", "expired-intermediate", "untrusted-root", "wrong-host", "missing-intermediate",
		"hostile-subject", "hostile-url", "refused", "expires-soon", "staple-stale-alone", "must-staple-missing", "two-certificates-revoked", "revoked-intermediate-alternate"} {
		s, ok := l.Scenario(name)
		if !ok {
			t.Errorf("no scenario %s", name)
			continue
		}
		args := l.Assay(s)
		checked, page, errs := run("", append(args, "--format", "html", "--save-evidence", evid)...)
		if errs != "" {
			t.Errorf("%s: %s", name, errs)
		}
		if len(page) > 60<<10 {
			t.Errorf("%s: the page has %d bytes", name, len(page))
		}
		b, err := os.ReadFile(evid)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); !strings.Contains(page, hex.EncodeToString(sum[:])) {
			t.Errorf("%s: the page does not name the file of --save-evidence by its SHA-256", name)
		}
		offline := []string{"verify", "--evidence", evid, "--roots", l.RootFile, "--log-list", l.LogListFile, "--name", s.Host}
		textStatus, text, _ := run("", offline...)
		pageStatus, again, _ := run("", append(offline, "--format", "html")...)
		if textStatus != pageStatus {
			t.Errorf("%s: exit status %d as text, %d as a page", name, textStatus, pageStatus)
		}
		verdict, cause := causeOf(text)
		got := oneLine(again)
		if verdict == "" || cause == "" || !strings.Contains(got, verdict) || !strings.Contains(got, cause) {
			t.Errorf("%s: %q and %q are not on the page: %.600s", name, verdict, cause, got)
		}
		if i, k := strings.Index(got, verdict), strings.Index(got, cause); i > k {
			t.Errorf("%s: the verdict comes after the cause", name)
		}
		if want := map[string]int{"ACCEPT": 0, "REJECT": 1, "INCONCLUSIVE": 3}; !strings.Contains(page, `<p class="word">`) || want[pageWord.FindStringSubmatch(page)[1]] != checked {
			t.Errorf("%s: status %d, and the page says %s", name, checked, pageWord.FindString(page))
		}
	}
}

var pageWord = regexp.MustCompile(`<p class="word">([A-Z]+)</p>`)
