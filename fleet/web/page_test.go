package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browse asks as a browser does.
func browse(s *Server, path string, headers ...string) *httptest.ResponseRecorder {
	return do(s, "GET", path, "", append([]string{"Accept", "text/html,*/*;q=0.8"}, headers...)...)
}

// submit sends a form as a browser does.
func submit(s *Server, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	return do(s, "POST", path, form.Encode(), append([]string{"Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

var idForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// wholePage checks what holds for every page, and returns its text and its links.
func wholePage(t *testing.T, name string, w *httptest.ResponseRecorder) (text string, links []string) {
	t.Helper()
	h := w.Header()
	if got := h.Get("Content-Security-Policy"); got != "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" {
		t.Errorf("%s: Content-Security-Policy %q", name, got)
	}
	for k, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
		if got := h.Get(k); got != want {
			t.Errorf("%s: %s %q, want %q", name, k, got, want)
		}
	}
	if w.Body.Len() > 60<<10 {
		t.Errorf("%s: %d bytes are more than 60 KB", name, w.Body.Len())
	}
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(name, err)
	}
	count, ids, labels, needs := map[string]int{}, map[string]int{}, map[string]bool{}, []string{}
	var b strings.Builder
	var walk func(n *html.Node, labelled bool)
	walk = func(n *html.Node, labelled bool) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
		if n.Type == html.ElementNode {
			if n.Namespace == "" { // a picture has a title too
				count[n.Data]++
			}
			a := map[string]string{}
			for _, one := range n.Attr {
				a[one.Key] = one.Val
				if one.Key == "style" || strings.HasPrefix(one.Key, "on") {
					t.Errorf("%s: <%s %s>: nothing may stand in the page itself", name, n.Data, one.Key)
				}
			}
			if id, has := a["id"]; has {
				if ids[id]++; ids[id] > 1 || !idForm.MatchString(id) {
					t.Errorf("%s: id %q stands twice or is none", name, id)
				}
			}
			switch n.Data {
			case "style":
				t.Errorf("%s: <style>", name)
			case "script":
				if n.FirstChild != nil || !strings.HasPrefix(a["src"], "/static/") {
					t.Errorf("%s: a script of the page's own, or from elsewhere: %q", name, a["src"])
				}
			case "html":
				if a["lang"] != "en" {
					t.Errorf("%s: no language", name)
				}
			case "a", "link":
				links = append(links, a["href"])
			case "img":
				links = append(links, a["src"])
			case "label":
				labels[a["for"]], labelled = true, true
			case "form":
				if !strings.HasPrefix(a["action"], "/") {
					t.Errorf("%s: a form that leads to %q", name, a["action"])
				}
			case "input", "select", "textarea":
				if a["type"] != "hidden" && !labelled && a["aria-label"] == "" {
					needs = append(needs, a["id"])
				}
			case "th":
				if a["scope"] == "" && n.Parent.Parent.Data != "thead" { // there it is clear
					t.Errorf("%s: a heading of a table without scope", name)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, labelled)
		}
	}
	walk(doc, false)
	for _, one := range []string{"title", "h1", "main", "header", "footer"} {
		if count[one] != 1 {
			t.Errorf("%s: %d of <%s>", name, count[one], one)
		}
	}
	for _, id := range needs {
		if !labels[id] || id == "" {
			t.Errorf("%s: a field (%q) without a label", name, id)
		}
	}
	for _, l := range links {
		if fragment, inside := strings.CutPrefix(l, "#"); inside && ids[fragment] != 1 {
			t.Errorf("%s: nothing is at %s", name, l)
		}
		if !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "/") || strings.HasPrefix(l, "//") {
			t.Errorf("%s: a link from this service to %q", name, l)
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), links
}

// TestShell: every page is whole, whoever asks, and problems are pages for people and
// JSON for programs.
func TestShell(t *testing.T) {
	open, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600)}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		s          *Server
		status     int
		says       string
		headers    []string
	}{
		{"overview", "/", open, 200, "127.0.0.1:1", nil},
		{"not found", "/nothing", open, 404, "There is nothing here. What to do Check the address", nil},
		{"another site's name", "/", open, 421, "--hosts", []string{"Host", "evil.test"}},
		{"another site's frame", "/", open, 403, "A page of another site asks.", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
		{"a link from another site", "/", open, 200, "Overview", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}},
		{"a bad page", "/?page=x", open, 400, "no answer named this page", nil},
		{"twice", "/?q=a&q=b", open, 400, "given once", nil},
		{"unknown", "/", closed, 401, "has a token", nil},
		{"sign in", "/login", closed, 200, "has a token", nil},
		{"known already", "/login", open, 200, "knows you already, as local", nil},
	} {
		w := browse(c.s, c.path, c.headers...)
		text, _ := wholePage(t, c.name, w)
		if c.says == "has a token" {
			c.says = "people who have a token"
		}
		if w.Code != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d, want %d and %q: %s", c.name, w.Code, c.status, c.says, text)
		}
		if c.status == 401 && strings.Contains(text, "127.0.0.1:1") {
			t.Errorf("%s: a stranger reads what is watched", c.name)
		}
	}
	if w := do(open, "GET", "/nothing", ""); w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program is told of a problem with %s", w.Header().Get("Content-Type"))
	}
	for i := range 30 {
		if w := browse(closed, "/"); w.Code == 429 {
			text, _ := wholePage(t, "too many", w)
			if w.Header().Get("Retry-After") == "" || !strings.Contains(text, "Wait ") {
				t.Errorf("too many: %v %s", w.Header(), text)
			}
			break
		} else if i == 29 {
			t.Error("whoever has no token may try again and again")
		}
	}
}

// TestStatic: what pages load is kept by browsers, needs no token, and is all there is.
func TestStatic(t *testing.T) {
	s, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600)}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range staticPath {
		w := do(s, "GET", path, "")
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if strings.Contains(strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", ""), "://") {
			t.Errorf("%s names another origin", name)
		}
		if w := do(s, "GET", "/static/"+name+"?old", ""); w.Code != 200 || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s under an old address: %d %v", name, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/static/nothing", "/static/", "/static/..%2fweb.go", "/static/%00"} {
		if w := do(s, "GET", path, ""); w.Code == 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestSignIn: a person shows a token once, in a form of this service's own.
func TestSignIn(t *testing.T) {
	s, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600)}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	form := browse(s, "/login?next=/findings")
	cookies := form.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != loginCookie || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatal(cookies)
	}
	secret := cookies[0].Value
	mine := []string{"Cookie", loginCookie + "=" + secret}
	for _, c := range []struct {
		name                string
		token, csrf, cookie string
		next                string
		want                int
		to                  string
	}{
		{"no form was loaded", testToken, "", "", "/", 403, ""},
		{"another secret", testToken, strings.Repeat("A", 26), secret, "/", 403, ""},
		{"an empty secret", testToken, "", " ", "/", 403, ""},
		{"a wrong token", "x" + testToken, secret, secret, "/", 403, ""},
		{"a token", testToken, secret, secret, "/findings?q=a", 303, "/findings?q=a"},
		{"a token with spaces", " " + testToken + "\n", secret, secret, "/", 303, "/"},
		{"another site after it", testToken, secret, secret, "//evil.test/", 303, "/"},
		{"another site after it, written otherwise", testToken, secret, secret, `/\evil.test`, 303, "/"},
		{"another scheme after it", testToken, secret, secret, "javascript:alert(1)", 303, "/"},
	} {
		w := submit(s, "/login", url.Values{"token": {c.token}, "csrf": {c.csrf}, "next": {c.next}}, "Cookie", loginCookie+"="+c.cookie)
		if w.Code != c.want || w.Header().Get("Location") != c.to {
			t.Errorf("%s: %d to %q, want %d to %q", c.name, w.Code, w.Header().Get("Location"), c.want, c.to)
		}
		if (w.Code == 303) != strings.Contains(w.Header().Get("Set-Cookie"), cookieName+"=") {
			t.Errorf("%s: Set-Cookie %q", c.name, w.Header().Get("Set-Cookie"))
		}
		if w.Code != 303 {
			if text, _ := wholePage(t, c.name, w); strings.Contains(text, testToken) {
				t.Errorf("%s: the page has the token", c.name)
			}
		}
	}
	if w := submit(s, "/login", url.Values{"token": {testToken}, "csrf": {secret}}, append(mine, "Origin", "http://evil.test")...); w.Code != 403 {
		t.Errorf("another site's form: %d", w.Code)
	}
	if w := do(s, "POST", "/login", `{"token":"`+testToken+`"}`, mine...); w.Code == 303 {
		t.Errorf("what is no form signs in: %d", w.Code)
	}
	in := submit(s, "/login", url.Values{"token": {testToken}, "csrf": {secret}}, mine...)
	session := in.Result().Cookies()[0]
	known := []string{"Cookie", session.Name + "=" + session.Value}
	text, _ := wholePage(t, "signed in", browse(s, "/", known...))
	if !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "Sign out (token 1)") {
		t.Errorf("signed in: %s", text)
	}
	if w := submit(s, "/logout", url.Values{}, known...); w.Code != 403 {
		t.Errorf("signed out without the page's word: %d", w.Code)
	}
	csrf := csrfForm.FindStringSubmatch(browse(s, "/", known...).Body.String())
	if w := submit(s, "/logout", url.Values{"csrf": {csrf[1]}}, known...); w.Code != 303 || !strings.Contains(w.Header().Get("Set-Cookie"), cookieName+"=;") {
		t.Errorf("signing out: %d %v", w.Code, w.Header())
	}
}

var (
	csrfForm = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	nextForm = regexp.MustCompile(`href="([^"]+)" rel="next"`)
	rowForm  = regexp.MustCompile(`<tr id="t([0-9]+)"`)
)
