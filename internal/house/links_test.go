package house

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pages are all pages of the repository, by their paths with slashes.
func pages(t *testing.T) map[string]*Page {
	t.Helper()
	all := map[string]*Page{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".md"):
			return nil
		}
		p, err := ReadPage(path)
		all[filepath.ToSlash(path)] = p
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every link of every page leads to a file that is there, and to a heading that the
// file has. Links that leave the repository are not followed.
func TestLinks(t *testing.T) {
	all, links := pages(t), 0
	for path, p := range all {
		for _, l := range p.Links {
			file, anchor, inside := destination(path, l.Target)
			if !inside {
				continue
			}
			links++
			to, isPage := all[file]
			switch {
			case !isPage && !exists(file):
				t.Errorf("%s:%d: %s is not there", path, l.Line, l.Target)
			case anchor != "" && isPage && !to.Anchors[anchor]:
				t.Errorf("%s:%d: %s has no heading for #%s", path, l.Line, file, anchor)
			}
		}
	}
	if links < 40 {
		t.Errorf("only %d links were followed", links)
	}
}

// A person who begins at docs/README.md comes to every page of docs by links, and
// README.md leads there.
func TestEveryPageIsReachable(t *testing.T) {
	all := pages(t)
	reached := map[string]bool{}
	var walk func(path string)
	walk = func(path string) {
		p := all[path]
		if p == nil || reached[path] {
			return
		}
		reached[path] = true
		for _, l := range p.Links {
			if file, _, inside := destination(path, l.Target); inside {
				walk(file)
			}
		}
	}
	walk("docs/README.md")
	for path := range all {
		if !reached[path] {
			t.Errorf("no link leads from docs/README.md to %s", path)
		}
	}
	for _, l := range all["README.md"].Links {
		if l.Target == "docs/README.md" {
			return
		}
	}
	t.Error("README.md does not link docs/README.md")
}

// destination is the file of a link that stands in the page at path, and the heading
// in it.
func destination(path, target string) (file, anchor string, inside bool) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" {
		return "", "", false
	}
	if u.Path == "" {
		return path, u.Fragment, true
	}
	return filepath.ToSlash(filepath.Join(filepath.Dir(path), u.Path)), u.Fragment, true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
