package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	fileName = regexp.MustCompile(`^[a-z0-9_./-]+\.(go|md|json)$`)
	rule     = regexp.MustCompile(`ARCHITECTURE\.md, rules? (\d+)(?: and (\d+))?`)
)

// Every file that ARCHITECTURE.md names exists: by its path, or in a directory
// that its line has named before it, or in the root.
func TestArchitectureNamesFiles(t *testing.T) {
	b, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for line := range strings.Lines(string(b)) {
		dirs := []string{"."}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if st, err := os.Stat(m[1]); err == nil && st.IsDir() {
				dirs = append(dirs, m[1])
				continue
			}
			if !fileName.MatchString(m[1]) {
				continue
			}
			files++
			found := false
			for _, d := range dirs {
				path := filepath.Join(d, m[1])
				if _, err := os.Stat(path); err == nil {
					found = true
					dirs = append(dirs, filepath.Dir(path))
					break
				}
			}
			if !found {
				t.Errorf("ARCHITECTURE.md names %s, which is not there: %s", m[1], line)
			}
		}
	}
	if files < 50 {
		t.Errorf("only %d files were looked for", files)
	}
}

// The rules that comments cite by number are there.
func TestRulesCited(t *testing.T) {
	b, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(b), "## The rules of a verdict\n")
	rules, _, _ = strings.Cut(rules, "\n## ")
	cited := 0
	for _, s := range sources(t) {
		path := s.name
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range rule.FindAllStringSubmatch(string(text), -1) {
			for _, n := range m[1:] {
				if n == "" {
					continue
				}
				cited++
				if !strings.Contains(rules, "\n"+n+". ") {
					t.Errorf("%s cites rule %s, which ARCHITECTURE.md does not have", path, n)
				}
			}
		}
	}
	if cited == 0 {
		t.Error("no rule is cited")
	}
}
