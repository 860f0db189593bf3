package browser

import (
	"bytes"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// numbers are the parts of an address that differ between pages of one kind.
var numbers = regexp.MustCompile(`[0-9a-f]{64}|\b[0-9]+\b`)

// kind is what kind of page an address has: its path without numbers, and the names of
// its parameters.
func kind(u *url.URL) string {
	k := numbers.ReplaceAllString(u.Path, "N")
	if strings.HasPrefix(k, "/explain/") || strings.HasPrefix(k, "/findings/") {
		k = k[:strings.IndexByte(k[1:], '/')+2] + "ID"
	}
	var names []string
	for name := range u.Query() {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > 0 {
		k += "?" + strings.Join(names, "&")
	}
	return k
}

// crawl follows the links of the service from its first page and returns the addresses
// of pages by kind, at most n of each, and one of those with parameters.
func (w *world) crawl(n int, seeds ...string) map[string][]string {
	w.t.Helper()
	base, err := url.Parse(w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	pages, seen := map[string][]string{}, map[string]bool{}
	for queue := append([]string{"/"}, seeds...); len(queue) > 0; queue = queue[1:] {
		u, err := base.Parse(queue[0])
		if err != nil || u.Host != base.Host || seen[u.RequestURI()] {
			if err == nil && u.Host != base.Host {
				w.t.Errorf("a link leads away: %s", u)
			}
			continue
		}
		seen[u.RequestURI()] = true
		k := kind(u)
		if len(pages[k]) >= n || len(pages[k]) > 0 && u.RawQuery != "" || strings.HasPrefix(k, "/api/") || strings.HasPrefix(k, "/static/") || k == "/metrics" || k == "/healthz" {
			continue
		}
		status, body, at := w.ask("GET", strings.TrimPrefix(u.RequestURI(), "/"), nil)
		if status != 200 {
			w.t.Errorf("%s: %d", u.RequestURI(), status)
			continue
		}
		if at.RequestURI() != u.RequestURI() { // it led on
			queue = append(queue, at.String())
			continue
		}
		if !bytes.Contains(body, []byte("<html")) {
			continue // a download
		}
		pages[k] = append(pages[k], u.RequestURI())
		doc, err := html.Parse(bytes.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		for e := range doc.Descendants() {
			if e.Type != html.ElementNode || e.Data != "a" {
				continue
			}
			for _, a := range e.Attr {
				if a.Key == "href" {
					link, err := u.Parse(a.Val)
					if err != nil {
						w.t.Errorf("%s: the link %q", u, a.Val)
						continue
					}
					link.Fragment = ""
					queue = append(queue, link.String())
				}
			}
		}
	}
	return pages
}

// pictureName is what the pictures of a page are called.
func pictureName(path string) string {
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(path, "-"), "-")
	return "page-" + short(name, 60)
}
