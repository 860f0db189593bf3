package serve

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/assaytls/assay/internal/der"
)

// web is the HTTP server that lists, responders and issuers live on.
type web struct {
	mu    sync.Mutex
	paths map[string]http.HandlerFunc
	taken map[string]bool
}

func (l *Lab) startWeb() error {
	ln, err := l.listen()
	if err != nil {
		return err
	}
	l.BaseURL = "http://" + ln.Addr().String()
	l.web = &web{paths: map[string]http.HandlerFunc{}, taken: map[string]bool{}}
	srv := &http.Server{Handler: l.web, ErrorLog: log.New(io.Discard, "", 0)}
	l.closers = append(l.closers, func() { srv.Close() })
	l.wg.Go(func() { srv.Serve(ln) })
	return nil
}

// ServeHTTP finds the longest path that was registered: OCSP GET requests
// have the request behind it.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	var h http.HandlerFunc
	for p := r.URL.Path; h == nil && p != ""; p = p[:strings.LastIndexByte(p, '/')] {
		h = w.paths[p]
	}
	w.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	h(rw, r)
}

func (w *web) handle(path string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paths[path] = h
}

// claim returns path, or path with a number when it is taken.
func (w *web) claim(path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := path
	for n := 2; w.taken[p]; n++ {
		p = fmt.Sprintf("%s-%d", path, n)
	}
	w.taken[p] = true
	return p
}

func serveBytes(contentType string, b []byte) http.HandlerFunc {
	return serveLazy(contentType, func() []byte { return b })
}

func serveLazy(contentType string, body func() []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Write(body())
	}
}

// request is what an OCSP request asks about one certificate.
type request struct {
	id     []byte // CertID, whole
	serial []byte
	nonce  []byte // nil when none was sent
}

// serveOCSP answers POST and GET requests.
func serveOCSP(answer func(request) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if r.Method == http.MethodPost {
			body, _ = io.ReadAll(io.LimitReader(r.Body, 1<<16))
		} else {
			_, text, _ := strings.Cut(r.URL.EscapedPath(), "/ocsp/")
			text, _ = url.PathUnescape(text)
			body, _ = base64.StdEncoding.DecodeString(text)
		}
		q, err := parseRequest(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		w.Write(answer(q))
	}
}

// parseRequest reads the first certificate of an OCSPRequest (RFC 6960, 4.1.1).
func parseRequest(b []byte) (q request, err error) {
	outer, err := der.NewReader(b, 0).Expect(der.Sequence)
	if err != nil {
		return q, err
	}
	tbs, err := outer.Contents().Expect(der.Sequence)
	if err != nil {
		return q, err
	}
	r := tbs.Contents()
	for _, tag := range []der.Tag{der.Explicit(0), der.Explicit(1)} {
		if _, _, err := r.Optional(tag); err != nil {
			return q, err
		}
	}
	list, err := r.Expect(der.Sequence)
	if err != nil {
		return q, err
	}
	req, err := list.Contents().Expect(der.Sequence)
	if err != nil {
		return q, err
	}
	id, err := req.Contents().Expect(der.Sequence)
	if err != nil {
		return q, err
	}
	q.id = id.Raw
	for fields := id.Contents(); !fields.Empty(); {
		e, err := fields.Next()
		if err != nil {
			return q, err
		}
		if e.Tag == der.Integer {
			q.serial = e.Body
		}
	}
	if exts, ok, _ := r.Optional(der.Explicit(2)); ok {
		q.nonce = findNonce(exts)
	}
	return q, nil
}

func findNonce(exts der.Element) []byte {
	list, err := exts.Contents().Expect(der.Sequence)
	if err != nil {
		return nil
	}
	for r := list.Contents(); !r.Empty(); {
		ext, err := r.Next()
		if err != nil {
			return nil
		}
		f := ext.Contents()
		oid, err := f.Expect(der.OID)
		if err != nil {
			return nil
		}
		if text, _ := der.OIDText(oid.Body); text != "1.3.6.1.5.5.7.48.1.2" {
			continue
		}
		f.Optional(der.Boolean)
		value, err := f.Expect(der.OctetString)
		if err != nil {
			return nil
		}
		inner, err := value.Contents().Expect(der.OctetString)
		if err != nil {
			return nil
		}
		return inner.Body
	}
	return nil
}
