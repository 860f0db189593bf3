package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
)

// caller is who asks.
type caller struct {
	name   string // of the user for whom a proxy speaks, "token", or "local"
	client string // by which requests are counted
	bearer bool   // a token came with the request itself, which no browser adds by itself
	login  string // the session's cookie; "" is none
}

type callerKey struct{}

// Caller is the name of whoever asks, for what is written down.
func callerOf(r *http.Request) caller { c, _ := r.Context().Value(callerKey{}).(caller); return c }

// The ways in which a request is refused before anything looks at it.
const (
	cookieName   = "assay-session"
	csrfHeader   = "X-CSRF-Token"
	sessionLasts = 12 * time.Hour
	maxBody      = 64 << 10
)

// open are the paths that need no authentication.
func needsNobody(path string) bool { return path == "/healthz" || strings.HasPrefix(path, "/static/") }

// guard lets a request through to next when it may ask.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		c, p := s.admit(r)
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		if p != nil {
			s.metrics.refused.WithLabelValues(strconv.Itoa(p.Status)).Inc()
			s.refuse(w, r, p)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// admit says who asks, or why nobody is answered.
func (s *Server) admit(r *http.Request) (c caller, p *Problem) {
	a := s.access.Load()
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return c, problem(http.StatusForbidden, "the address that asks is not known")
	}
	from := remote.Addr().Unmap().WithZone("")
	proxied := slices.ContainsFunc(a.proxies, func(n netip.Prefix) bool { return n.Contains(from) })
	if !a.loopback && a.cert == nil && !proxied {
		return c, problem(http.StatusForbidden, "this service is asked through its reverse proxy")
	}
	if !a.named(r.Host) {
		return c, problem(http.StatusMisdirectedRequest, fmt.Sprintf("this service is not called %s", r.Host), "ask it by its address, or name it with --hosts")
	}
	c.client = from.String()
	if from.Is6() { // whoever has one address of a network has all
		n, _ := from.Prefix(64)
		c.client = n.String()
	}
	if needsNobody(r.URL.Path) {
		c.name = "anybody"
	} else if p := s.identify(a, r, proxied, &c); p != nil {
		return c, p
	}
	if wait, ok := s.requests.take(c.client, time.Now()); !ok {
		p := problem(http.StatusTooManyRequests, "there are too many requests from you")
		p.retry = wait
		return c, p
	}
	return c, s.sameSite(a, r, c)
}

// named reports whether the service may be asked by the name in Host. A page of
// somebody else's can have its own name lead here (DNS rebinding), and its browser
// says that name. Addresses cannot be led elsewhere.
func (a *access) named(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || a.hosts[host] {
		return true
	}
	return !a.loopback && len(a.hosts) == 0 // whoever asks must show a token, which a page of somebody else's has not
}

// identify finds out who asks.
func (s *Server) identify(a *access, r *http.Request, proxied bool, c *caller) *Problem {
	if a.header != "" && proxied {
		users := r.Header.Values(a.header)
		if len(users) > 1 {
			return problem(http.StatusBadRequest, "the proxy names more than one user")
		}
		if len(users) == 1 && users[0] != "" && len(users[0]) <= 256 {
			c.name = finding.Quote(users[0])
			c.client = "user " + c.name
			return nil
		}
	}
	if auth := r.Header.Get("Authorization"); auth != "" && len(a.tokens) > 0 {
		kind, token, _ := strings.Cut(auth, " ")
		i := a.token(strings.TrimSpace(token))
		if !strings.EqualFold(kind, "Bearer") || i < 0 {
			return s.unknown(c)
		}
		c.name, c.bearer = fmt.Sprintf("token %d", i+1), true
		return nil
	}
	if cookie, err := r.Cookie(cookieName); err == nil && len(a.tokens) > 0 {
		if name, ok := a.session(cookie.Value, time.Now()); ok {
			c.name, c.login = name, cookie.Value
			return nil
		}
	}
	if len(a.tokens) == 0 && a.loopback && a.header == "" {
		c.name = "local"
		return nil
	}
	if r.URL.Path == "/api/v1/session" && r.Method == http.MethodPost || r.URL.Path == "/login" {
		return nil // whoever wants to be known
	}
	return s.unknown(c)
}

// unknown refuses somebody unknown, and whoever tries again and again.
func (s *Server) unknown(c *caller) *Problem {
	if wait, ok := s.guesses.take(c.client, time.Now()); !ok {
		p := problem(http.StatusTooManyRequests, "there were too many attempts without a valid token")
		p.retry = wait
		return p
	}
	return problem(http.StatusUnauthorized, "a token is needed", `send it as "Authorization: Bearer TOKEN"; the service's --token-file has it`)
}

// token is the number of a token, -1 for none. All are compared, in constant time.
func (a *access) token(token string) int {
	got, found := sha256.Sum256([]byte(token)), -1
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(got[:], a.tokens[i][:]) == 1 {
			found = i
		}
	}
	return found
}

// newSession is the cookie of a session that a token begins. It is signed with the
// token, so it holds in every replica, and no longer than the token does.
func (a *access) newSession(token int, nonce string, now time.Time) string {
	text := fmt.Sprintf("%d.%s", now.Add(sessionLasts).Unix(), nonce)
	return text + "." + a.sign(token, "session", text)
}

func (a *access) sign(token int, what, text string) string {
	m := hmac.New(sha256.New, a.tokens[token][:])
	m.Write([]byte("assay " + what + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// session says who a cookie is of.
func (a *access) session(cookie string, now time.Time) (name string, ok bool) {
	if len(cookie) > 256 {
		return "", false
	}
	i := strings.LastIndexByte(cookie, '.')
	if i < 0 {
		return "", false
	}
	until, _, _ := strings.Cut(cookie, ".")
	end, err := strconv.ParseInt(until, 10, 64)
	if err != nil || now.Unix() >= end {
		return "", false
	}
	for n := range a.tokens {
		if hmac.Equal([]byte(cookie[i+1:]), []byte(a.sign(n, "session", cookie[:i]))) {
			return fmt.Sprintf("token %d", n+1), true
		}
	}
	return "", false
}

// CSRF is what a form of a page that answers r must send back as csrf.
func (s *Server) CSRF(r *http.Request) string { return s.csrf(callerOf(r)) }

func (s *Server) csrf(c caller) string {
	m := hmac.New(sha256.New, s.secret[:])
	if c.login != "" {
		m = hmac.New(sha256.New, []byte("csrf "+c.login)) // the cookie is a secret: this holds in every replica
	}
	m.Write([]byte(c.name))
	return hex.EncodeToString(m.Sum(nil))
}

// sameSite refuses what a page of somebody else's has a browser send.
func (s *Server) sameSite(a *access, r *http.Request, c caller) *Problem {
	if c.bearer {
		return nil // no browser adds a token by itself
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" || s.origins.Check(r) != nil {
		return problem(http.StatusForbidden, "a page of another site asks")
	}
	if (r.URL.Path == "/probe" || strings.HasPrefix(r.URL.Path, "/api/")) && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return problem(http.StatusForbidden, "a page of another site leads here")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data" || kind == "text/plain"
	if c.login == "" && !form {
		return nil
	}
	token := r.Header.Get(csrfHeader)
	if token == "" && form {
		r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
		token = r.PostFormValue("csrf")
	}
	want := s.csrf(c)
	if r.URL.Path == "/login" {
		want = loginCSRF(r)
	}
	if want == "" || !hmac.Equal([]byte(token), []byte(want)) {
		return problem(http.StatusForbidden, "the CSRF token is missing or wrong", "GET /api/v1/session says it; send it as "+csrfHeader)
	}
	return nil
}
