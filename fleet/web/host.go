package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	sheets "github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// hostPages are the pages about one target, and the forms on them.
func hostPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/targets/{id}", answer: (*Server).host},
		{method: "GET", path: "/host/{id}", answer: elsewhere("/targets/", "id")},
		{method: "POST", path: "/targets/{id}/check", answer: (*Server).checkHost},
		{method: "POST", path: "/targets/{id}/acknowledge", answer: (*Server).acknowledgeHost},
		{method: "POST", path: "/targets/{id}/silence", answer: (*Server).silenceHost},
	}
}

// elsewhere leads from a shorter address to the page itself.
func elsewhere(path, name string) func(*Server, *request) (*page, error) {
	return func(_ *Server, r *request) (*page, error) { return &page{to: path + r.PathValue(name)}, nil }
}

// hostPath is the path of the page about a target.
func hostPath(id int64) string { return "/targets/" + strconv.FormatInt(id, 10) }

// The bounds of the page about a target, which keep it small whatever peers send.
const (
	hostStates = 60 // in the timeline
	hostRows   = 12 // states in its table
	hostEvents = 10
	hostAlerts = 5
)

// hostView is what the page about a target has.
type hostView struct {
	T        watch.Target
	Checks   int    // that came to the state that it is in
	Path     string // of the page
	Kind     string // in words
	Asked    bool   // somebody has asked for a check that is still to come
	Old      *watch.State
	Sheet    *sheets.Sheet // nil: there is no report
	Why      string        // then, why
	Certs    []certLink    // of the path that counts
	Timeline *timeline
	States   []stateRow
	Older    string // path of the page with the next states; "" for none
	Events   []eventRow
	Files    []fileLink
	Command  string // that saves what is not stored; "" for none
	Rules    rulesView
	Alerts   []alert.Alert
	Silences []alert.Silence
	Alerting bool
}

// certLink leads to the page about a certificate.
type certLink struct {
	Path, Issuer string // of the pages; Issuer is "" for one that is no CA's
	Role, Name   string // quoted
}

// fileLink is something to download.
type fileLink struct {
	Path, Name, About, SHA256 string
	Bytes                     int
}

// rulesView says by which rules a group is judged.
type rulesView struct {
	Known bool // the configuration has the group
	Rows  []ruleRow
}

type ruleRow struct{ Name, Value, Default string }

func (s *Server) host(r *request) (*page, error) {
	ctx, now := r.Context(), time.Now()
	state, before := r.number("state", 0, most), r.number("before", 0, most)
	asked := r.number("asked", 0, most)
	id := r.id()
	if r.wrong != nil {
		return nil, r.wrong
	}
	t, err := s.Store.Target(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &hostView{T: t, Checks: int(t.Checks), Path: hostPath(t.ID), Kind: kindWords(t.Kind), Alerting: s.Alerts != nil}
	v.Asked = t.Removed.IsZero() && (asked > 0 && t.Checked.Before(time.UnixMilli(asked)) || !t.Next.IsZero() && t.Next.Before(now))
	if err := s.hostReport(ctx, v, state); err != nil {
		return nil, err
	}
	if err := s.hostHistory(ctx, v, before, now); err != nil {
		return nil, err
	}
	events, err := s.Store.Events(ctx, watch.EventQuery{Target: t.ID, Newest: true, Limit: hostEvents})
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		v.Events = append(v.Events, eventRowOf(e))
	}
	if err := s.linkHost(ctx, v); err != nil {
		return nil, err
	}
	v.Rules = s.rulesOf(t.Group)
	if v.Alerting {
		if err := s.hostAlerts(ctx, v, now); err != nil {
			return nil, err
		}
	}
	return &page{title: short(120, t.Name), nav: "/", file: "host.html", data: v, live: true}, nil
}

// hostReport reads the report of a state, or of the one that the target is in.
func (s *Server) hostReport(ctx context.Context, v *hostView, state int64) error {
	if state != 0 && state != v.T.State {
		one, err := s.Store.History(ctx, v.T.ID, state+1, 1)
		if err != nil {
			return err
		}
		if len(one) == 0 || one[0].ID != state {
			return watch.ErrNotFound
		}
		v.Old = &one[0]
	}
	rep, err := s.Store.Report(ctx, v.T.ID, state)
	switch {
	case errors.Is(err, watch.ErrNotFound):
		v.Why = "It was not checked yet."
		if v.Old != nil {
			v.Why = "The report of this time is not kept any more: the configuration says under retain how many are."
		} else if !v.T.Removed.IsZero() {
			v.Why = "It is watched no longer. The table below has the reports that are still kept."
		}
		return nil
	case err != nil:
		return err
	}
	v.Sheet = bounded60(sheets.Of(rep, sheets.Options{ID: "r", Explain: "/explain/"}))
	v.Certs = certLinks(rep)
	v.Files, err = hostFiles(v, rep, state)
	if v.T.Kind == watch.Server && v.T.Origin != watch.FromDNS {
		v.Command = "assay check --save-evidence evidence.json " + short(200, v.T.Target)
	}
	return err
}

// linkHost takes out the links to certificates that the database has not: retention took
// them, or a report had too many.
func (s *Server) linkHost(ctx context.Context, v *hostView) error {
	var paths []*string
	for i := range v.Certs {
		paths = append(paths, &v.Certs[i].Path, &v.Certs[i].Issuer)
	}
	for i := range v.Events {
		paths = append(paths, &v.Events[i].BeforePath, &v.Events[i].AfterPath)
	}
	return s.linkKnown(ctx, paths)
}

// linkKnown empties the paths of certificates that the database has not.
func (s *Server) linkKnown(ctx context.Context, paths []*string) error {
	var hashes []watch.Hash
	of := func(path string) (h watch.Hash) {
		if b, err := hex.DecodeString(path[strings.LastIndexByte(path, '/')+1:]); err == nil && len(b) == len(h) {
			h = watch.Hash(b)
		}
		return h
	}
	for _, p := range paths {
		hashes = append(hashes, of(*p))
	}
	known, err := s.Store.Known(ctx, hashes)
	for _, p := range paths {
		if _, is := known[of(*p)]; !is {
			*p = ""
		}
	}
	return err
}

// certLinks are the certificates of the path that counts, or without one those that
// were sent.
func certLinks(r *report.Report) (all []certLink) {
	add := func(at int, role string, issuer bool) {
		if at < 0 || at >= len(r.Certs) || len(all) >= 12 {
			return
		}
		c := &r.Certs[at]
		one := certLink{Path: "/certificates/" + c.SHA256, Role: role, Name: short(100, cmp.Or(c.Subject, "(empty subject)"))}
		if issuer {
			one.Issuer = "/issuers/" + c.SHA256
		}
		all = append(all, one)
	}
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		for i, pc := range r.Paths[r.Chosen].Certs {
			add(pc.Cert, short(20, pc.Role), i > 0)
		}
		return all
	}
	for _, at := range r.Sent {
		add(at, "sent", false)
	}
	return all
}

// hostFiles are what of a report can be downloaded, with the hashes of the very bytes.
func hostFiles(v *hostView, r *report.Report, state int64) ([]fileLink, error) {
	query := ""
	if state != 0 {
		query = "?state=" + strconv.FormatInt(state, 10)
	}
	var all []fileLink
	for _, f := range hostFileKinds {
		b, err := f.make(r)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			continue
		}
		sum := sha256.Sum256(b)
		all = append(all, fileLink{Path: v.Path + "/" + f.name + query, Name: f.name, About: f.about, SHA256: hex.EncodeToString(sum[:]), Bytes: len(b)})
	}
	return all, nil
}

// hostFileKinds are the files about a target.
var hostFileKinds = []struct {
	name, kind, about string
	make              func(*report.Report) ([]byte, error)
}{
	{"report.json", "application/json", "the whole report, as assay check --json writes it, with the certificates", func(r *report.Report) ([]byte, error) {
		var b bytes.Buffer
		err := render.JSON(&b, r, true)
		return b.Bytes(), err
	}},
	{"report.txt", "text/plain; charset=utf-8", "the report as a terminal shows it", func(r *report.Report) ([]byte, error) {
		var b bytes.Buffer
		err := render.Text(&b, r, render.Options{})
		return b.Bytes(), err
	}},
	{"report-verbose.txt", "text/plain; charset=utf-8", "the same with everything, as with -v", func(r *report.Report) ([]byte, error) {
		var b bytes.Buffer
		err := render.Text(&b, r, render.Options{Verbose: true})
		return b.Bytes(), err
	}},
	{"chain.pem", "application/x-pem-file", "the certificates of the path, the server's own first", func(r *report.Report) ([]byte, error) { return pemOf(r), nil }},
}

// pemOf are the certificates of the path that counts, or without one those that were sent.
func pemOf(r *report.Report) []byte {
	at := r.Sent
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		at = nil
		for _, pc := range r.Paths[r.Chosen].Certs {
			at = append(at, pc.Cert)
		}
	}
	var b strings.Builder
	for _, i := range at {
		if i >= 0 && i < len(r.Certs) {
			b.WriteString(r.Certs[i].PEM)
		}
	}
	return []byte(b.String())
}

// hostDownloads adds the files about targets to a mux.
func (s *Server) hostDownloads(mux *http.ServeMux) {
	for _, f := range hostFileKinds {
		path := "/targets/{id}/" + f.name
		mux.Handle("GET "+path, s.timed(path, func(w http.ResponseWriter, hr *http.Request) {
			r := &request{Request: hr, w: w}
			err := r.parameters(http.MethodGet)
			var b []byte
			if err == nil {
				var rep *report.Report
				id, state := r.id(), r.number("state", 0, most)
				if r.wrong != nil {
					err = r.wrong
				} else if rep, err = s.Store.Report(hr.Context(), id, state); err == nil {
					b, err = f.make(rep)
				}
			}
			if err == nil && len(b) == 0 {
				err = watch.ErrNotFound
			}
			if err != nil {
				s.refuse(w, hr, s.problemOf(err))
				return
			}
			name := ""
			if !strings.HasPrefix(f.kind, "text/plain") {
				name = "target-" + hr.PathValue("id") + "-" + f.name
			}
			handOut(w, f.kind, name, b)
		}))
	}
}

// handOut answers with a file. One without a name is shown by the browser; no browser
// runs anything of either.
func handOut(w http.ResponseWriter, kind, name string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "private, no-cache")
	if name != "" {
		h.Set("Content-Disposition", "attachment; filename=\""+name+"\"")
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	sum := sha256.Sum256(b)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":") // RFC 9530
	_, _ = w.Write(b)                                                               // whoever went away is not told
}

// rulesOf are the rules of a group that are not the defaults of assay check.
func (s *Server) rulesOf(group string) (v rulesView) {
	k := s.config.Load()
	if k == nil || k.config == nil {
		return v
	}
	g := k.config.Group(group)
	if g == nil {
		return v
	}
	v.Known = true
	rules := g.Rules()
	for _, f := range policy.Fields() {
		if f.Name == "time" {
			continue
		}
		value, usual := strings.Join(f.Get(rules), ","), f.Default(policy.Check)
		if value != usual {
			v.Rows = append(v.Rows, ruleRow{f.Name, short(200, cmp.Or(value, "not set")), short(100, cmp.Or(usual, "not set"))})
		}
	}
	return v
}

// hostAlerts reads the alerts that the target is part of.
func (s *Server) hostAlerts(ctx context.Context, v *hostView, now time.Time) error {
	findings, err := s.Store.Findings(ctx, v.T.ID)
	if err != nil {
		return err
	}
	causes := map[string]bool{}
	for _, f := range findings {
		causes[f.Cause] = f.Cause != ""
	}
	for i, c := range v.Certs {
		if i > 0 && c.Path != "" {
			causes["certificate:"+strings.TrimPrefix(c.Path, "/certificates/")] = true
		}
	}
	if v.Alerts, err = s.Alerts.Of(ctx, v.T, causes); err != nil {
		return err
	}
	v.Alerts = v.Alerts[:min(len(v.Alerts), hostAlerts)]
	quiet, err := s.Alerts.Silences(ctx, now)
	for _, q := range quiet {
		if (q.Target == "" || q.Target == v.T.Name) && (q.Group == "" || q.Group == v.T.Group) && (q.Target != "" || q.Group != "") && len(v.Silences) < hostAlerts {
			v.Silences = append(v.Silences, q)
		}
	}
	return err
}

// checkHost has a target checked as soon as can be.
func (s *Server) checkHost(r *request) (*page, error) {
	id := r.id()
	if r.wrong != nil {
		return nil, r.wrong
	}
	t, err := s.Store.Target(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if err := s.mayCheck(r.Request, t.Target); err != nil {
		return nil, err
	}
	now := time.Now()
	if err := s.Store.CheckNow(r.Context(), id, now); err != nil {
		return nil, err
	}
	if s.Wake != nil {
		s.Wake()
	}
	return &page{to: hostPath(id) + "?asked=" + strconv.FormatInt(now.UnixMilli(), 10)}, nil
}

// acknowledgeHost says that somebody looks after an alert.
func (s *Server) acknowledgeHost(r *request) (*page, error) {
	id, number, comment := r.id(), r.number("alert", 1, most), r.text("comment")
	if r.wrong != nil {
		return nil, r.wrong
	}
	if s.Alerts == nil {
		return nil, watch.ErrNotFound
	}
	if err := s.Alerts.Acknowledge(r.Context(), number, callerOf(r.Request).name, comment, time.Now()); err != nil {
		return nil, err
	}
	return &page{to: hostPath(id) + "#alerts"}, nil
}

// silenceHost keeps alerts about a target from being told for some hours.
func (s *Server) silenceHost(r *request) (*page, error) {
	id, hours, comment := r.id(), r.number("hours", 1, 31*24), r.text("comment")
	if hours == 0 {
		r.fail("hours", "given")
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	if s.Alerts == nil {
		return nil, watch.ErrNotFound
	}
	t, err := s.Store.Target(r.Context(), id)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if _, err := s.Alerts.Silence(r.Context(), alert.Silence{Target: t.Name, Group: t.Group, Until: now.Add(time.Duration(hours) * time.Hour), Created: now, By: callerOf(r.Request).name, Comment: comment}, now); err != nil {
		return nil, err
	}
	return &page{to: hostPath(id) + "#alerts"}, nil
}

func kindWords(k watch.Kind) string {
	switch k {
	case watch.Server:
		return "a TLS server"
	case watch.Service:
		return "a domain whose servers the DNS names"
	case watch.CRL:
		return "a CRL of your own CA"
	case watch.OCSP:
		return "an OCSP responder of your own CA"
	}
	return finding.Quote(string(k))
}
