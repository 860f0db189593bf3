package web

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	sheets "github.com/assaytls/assay/internal/page"
)

//go:embed pages
var pageFiles embed.FS

// pageTemplates are the pages and their parts, by the name of the file, and the pieces
// of a report.
var pageTemplates = template.Must(sheets.Templates().Funcs(pageFuncs).ParseFS(pageFiles, "pages/*.html"))

// pageRoute is one page for people, or one form that leads to one.
type pageRoute struct {
	method, path string
	name         string // in the navigation; "" is not there
	answer       func(s *Server, r *request) (*page, error)
}

// page is what a page says.
type page struct {
	title  string // what the page is about; peers' texts in it are quoted
	nav    string // the path in the navigation that it belongs to
	file   string // its template
	data   any    // the template's .D
	live   bool   // it is brought up to date while it is looked at
	event  int64  // the newest event when it was begun
	status int    // 0 is 200
	to     string // the path that the browser goes on to; the page itself is not shown then
}

// view is what a template gets.
type view struct {
	Title, Style, Script, Icon string
	Nav                        []navEntry
	User, CSRF                 string
	SignOut, Live              bool
	Version                    string
	Now                        time.Time
	Self                       string // path and query of the page
	Event                      int64  // the newest when the page was begun
	D                          any
}

type navEntry struct {
	Path, Name string
	Here       bool
}

// allPages lists the pages, those of the navigation in its order.
func (s *Server) allPages() []pageRoute {
	all := overviewPages()
	all = append(all, hostPages()...)
	all = append(all, certificatePages()...)
	all = append(all, issuerPages()...)
	all = append(all, findingPages()...)
	if s.Alerts != nil {
		all = append(all, alertPages()...)
	}
	all = append(all, checkPages()...)
	return append(all, loginPages()...)
}

// pagePolicy is what a browser may load into a page: what this service serves, and
// nothing that stands in the page itself.
const pagePolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// pages adds the pages to a mux.
func (s *Server) pages(mux *http.ServeMux) {
	for _, o := range s.allPages() {
		mux.Handle(o.method+" "+o.path, s.timed(o.path, s.servePage(o)))
	}
	s.hostDownloads(mux)
	s.certificateDownloads(mux)
	mux.Handle("GET /static/{name}", s.timed("/static", s.static))
	mux.HandleFunc("GET /events", s.stream)
}

// servePage answers with a page.
func (s *Server) servePage(o pageRoute) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w}
		err := r.parameters(o.method)
		var p *page
		var event int64
		if err == nil && o.method == http.MethodGet { // before the answer: a change meanwhile is told again, and not lost
			event, err = s.Store.LastEvent(hr.Context())
		}
		if err == nil {
			p, err = o.answer(s, r)
		}
		if r.wrong != nil {
			err = r.wrong
		}
		if err != nil {
			s.refuse(w, hr, s.problemOf(err))
			return
		}
		p.event = event
		s.show(w, hr, p)
	}
}

// parameters reads those of the query, or of a form that was sent.
func (r *request) parameters(method string) (err error) {
	if method != http.MethodPost {
		if r.q, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return problem(http.StatusBadRequest, "the query cannot be read")
		}
		return nil
	}
	// The guard asks a form for its CSRF token. What is no form has none, so it is
	// not read as one here.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return problem(http.StatusUnsupportedMediaType, "a form is expected here")
	}
	if err := r.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, "the form cannot be read")
	}
	r.q = r.PostForm
	return nil
}

// show writes a page. It is made whole first: a template that fails becomes a page
// about that, and not half a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, p *page) {
	h := w.Header()
	pageHeaders(h)
	h.Set("Cache-Control", "private, no-cache")
	if p.to != "" {
		h.Set("Location", p.to)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, p.file, s.view(r, p)); err != nil {
		if s.Trouble != nil {
			s.Trouble(err)
		}
		refuse(w, problem(http.StatusInternalServerError, "the service cannot make this page now; its log says why"))
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	_, _ = w.Write(b.Bytes()) // whoever went away is not told
}

func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Add("Vary", "Accept")
	h.Add("Vary", "Cookie")
}

func (s *Server) view(r *http.Request, p *page) view {
	c := callerOf(r)
	v := view{Title: p.title, Style: staticPath["style.css"], Script: staticPath["live.js"], Icon: staticPath["icon.svg"], Live: p.live,
		Version: s.Version, Now: time.Now().UTC(), Self: r.URL.RequestURI(), Event: p.event, D: p.data}
	if c.name == "" { // a stranger is shown where to sign in, and no more
		return v
	}
	v.User, v.CSRF, v.SignOut = c.name, s.csrf(c), c.login != ""
	for _, o := range s.allPages() {
		if o.name != "" && (o.path != "/check" || s.access.Load().checkForm) {
			path := strings.TrimSuffix(o.path, "{$}")
			v.Nav = append(v.Nav, navEntry{path, o.name, path == p.nav})
		}
	}
	return v
}

// wantsPage reports whether a browser asks for something that people look at.
func wantsPage(r *http.Request) bool {
	for _, program := range []string{"/api/", "/static/", "/events", "/probe", "/metrics", "/healthz"} {
		if strings.HasPrefix(r.URL.Path, program) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// refuse answers with a problem: a page for a browser, JSON for a program.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	if !wantsPage(r) {
		refuse(w, p)
		return
	}
	problemHeaders(w.Header(), p)
	if p.Status == http.StatusUnauthorized {
		s.show(w, r, s.signIn(w, r, r.URL.RequestURI(), p.Status, ""))
		return
	}
	s.show(w, r, &page{title: titleOf(p), file: "error.html", status: p.Status, data: errorView{p, nextSteps(p), callerOf(r).name != ""}})
}

// titleOf is the heading of the page about a problem, in words of people.
func titleOf(p *Problem) string {
	switch p.Status {
	case http.StatusNotFound:
		return "There is no such page"
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "The service does not understand this"
	case http.StatusForbidden:
		return "The service refuses this"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "The service is busy"
	}
	return p.Title
}

// errorView is what the page about a problem says.
type errorView struct {
	*Problem
	Next   []string
	Search bool
}

// nextSteps says what a person can do about a problem.
func nextSteps(p *Problem) []string {
	switch p.Status {
	case http.StatusForbidden:
		return []string{"If you sent a form: go back, load the page again and send the form once more.",
			"If you followed a link from another site: open this service's address yourself."}
	case http.StatusNotFound:
		return []string{"Check the address, or search for the host below."}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return []string{"Wait " + finding.Duration(max(p.retry, time.Second).Round(time.Second)) + ", then load the page again."}
	case http.StatusMisdirectedRequest:
		return []string{"Ask the service by its address, or have its operator name this host with --hosts."}
	case http.StatusInternalServerError:
		return []string{"Load the page again in a minute.", "If that does not help: the operator of this service finds the reason in its log."}
	}
	if len(p.Hints) > 0 {
		return p.Hints
	}
	return []string{"Go back, change what the message names, and try again."}
}

// The files that pages load. Their addresses change with their bytes, so that a
// browser keeps them for good.
//
//go:embed static
var staticFiles embed.FS

var staticPath, staticBytes = func() (map[string]string, map[string][]byte) {
	paths, all := map[string]string{}, map[string][]byte{}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		panic(err) // the program has no such folder: a mistake of its build
	}
	for _, e := range entries {
		b, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		all[e.Name()] = b
	}
	// One sheet: the pieces of a report, and what stands around them.
	all["style.css"] = []byte(sheets.CSS + "\n" + string(all["style.css"]) + string(all["host.css"]))
	delete(all, "host.css")
	for name, b := range all {
		paths[name] = "/static/" + name + "?" + shortSum(b)
	}
	return paths, all
}()

func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, found := staticBytes[name]
	if !found {
		refuse(w, problem(http.StatusNotFound, "there is no such file"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", mimeOf(name))
	h.Set("Cache-Control", "no-cache")
	if "/static/"+name+"?"+r.URL.RawQuery == staticPath[name] {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(b) // whoever went away is not told
}

func mimeOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".css"):
		return "text/css; charset=utf-8"
	case strings.HasSuffix(name, ".js"):
		return "text/javascript; charset=utf-8"
	}
	return "image/svg+xml"
}
