package web

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// loginCookie has the secret of a form with which somebody signs in: nobody knows
// that browser yet, so the form proves itself by having the same secret.
const loginCookie = "assay-login"

// loginPages are those of signing in and out.
func loginPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/login", answer: func(s *Server, r *request) (*page, error) {
			return s.signIn(r.w, r.Request, r.text("next"), 0, ""), nil
		}},
		{method: "POST", path: "/login", answer: (*Server).signedIn},
		{method: "POST", path: "/logout", answer: func(s *Server, r *request) (*page, error) {
			http.SetCookie(r.w, s.cookie("", -1))
			return &page{to: "/login"}, nil
		}},
	}
}

// signInView is what the form to sign in has.
type signInView struct {
	Next, CSRF, Wrong string
	Tokens            bool   // the service has tokens at all
	In                string // who asks, when that is known already
}

// signIn is the page on which a person shows a token.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, next string, status int, wrong string) *page {
	secret := ""
	if c, err := r.Cookie(loginCookie); err == nil && loginSecret.MatchString(c.Value) {
		secret = c.Value
	} else {
		secret = rand.Text()
		c := s.cookie(secret, int(time.Hour/time.Second))
		c.Name = loginCookie
		http.SetCookie(w, c)
	}
	return &page{title: "Sign in", file: "login.html", status: status,
		data: &signInView{Next: localPath(next), CSRF: secret, Wrong: wrong, Tokens: len(s.access.Load().tokens) > 0, In: callerOf(r).name}}
}

var loginSecret = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// loginCSRF is what the form of a browser that signs in must send back, "" when that
// browser has not loaded the form.
func loginCSRF(r *http.Request) string {
	if c, err := r.Cookie(loginCookie); err == nil && loginSecret.MatchString(c.Value) {
		return c.Value
	}
	return ""
}

// signedIn begins a session.
func (s *Server) signedIn(r *request) (*page, error) {
	a, c := s.access.Load(), callerOf(r.Request)
	i := a.token(strings.TrimSpace(r.text("token")))
	if i < 0 {
		p := s.unknown(&c)
		if p.Status != http.StatusUnauthorized {
			return nil, p
		}
		return s.signIn(r.w, r.Request, r.text("next"), http.StatusForbidden, "The service does not know this token."), nil
	}
	s.begin(r.w, a, i)
	return &page{to: localPath(r.text("next"))}, nil
}

// begin sets the cookie of a session that token i begins, and returns its value.
func (s *Server) begin(w http.ResponseWriter, a *access, i int) string {
	nonce := make([]byte, 16)
	rand.Read(nonce)
	value := a.newSession(i, hex.EncodeToString(nonce), time.Now())
	http.SetCookie(w, s.cookie(value, int(sessionLasts/time.Second)))
	return value
}

// localPath is a path of this service, "/" when the text is none: a form that leads
// to another site after somebody signed in would be of use to that site alone.
func localPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") || len(s) > 2000 || strings.HasPrefix(s, "/login") {
		return "/"
	}
	return s
}
