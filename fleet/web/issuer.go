package web

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// issuerPages are the list of issuers and the pages about one.
func issuerPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/issuers", name: "Issuers", answer: (*Server).issuerList},
		{method: "GET", path: "/issuers/{sha256}", answer: (*Server).issuer},
		{method: "GET", path: "/issuer/{sha256}", answer: elsewhere("/issuers/", "sha256")},
	}
}

// The bounds of these pages.
const (
	issuerRows    = 50 // in the list
	issuerHosts   = 25
	issuerCauses  = 12
	issuerReports = 20 // of which is read what they say of lists and responders
	issuerSources = 20
)

func isNotFound(err error) bool { return errors.Is(err, watch.ErrNotFound) }

// issuerListView is what the list of issuers has.
type issuerListView struct {
	Q       string
	Issuers []issuerRow
	Next    string // path of the next page; "" for none
	First   bool
}

type issuerRow struct {
	watch.IssuerCount
	Inconclusive int
}

func (s *Server) issuerList(r *request) (*page, error) {
	v := &issuerListView{Q: strings.TrimSpace(r.text("q")), First: r.text("page") == ""}
	if r.wrong != nil {
		return nil, r.wrong
	}
	p, err := s.Store.IssuerPage(r.Context(), watch.IssuerQuery{Search: v.Q, Page: r.text("page"), Limit: issuerRows})
	if err != nil {
		return nil, err
	}
	for _, i := range p.Issuers {
		v.Issuers = append(v.Issuers, issuerRow{i, i.Targets - i.Accept - i.Reject})
	}
	if p.Next != "" {
		next := url.Values{"page": {p.Next}}
		if v.Q != "" {
			next.Set("q", v.Q)
		}
		v.Next = "/issuers?" + next.Encode()
	}
	return &page{title: "Issuers", nav: "/issuers", file: "issuers.html", data: v}, nil
}

// issuerView is what the page about an issuer has.
type issuerView struct {
	C        watch.Cert
	Path     string
	Life     lifeView
	Issued   watch.Issued
	Ends     []endRow
	Lasting  string // for how long the certificates are made
	Hosts    hostList
	Watched  []watchedRow
	Said     []saidRow
	Reports  int // from which Said comes
	Findings []watch.CertFinding
	Causes   []causeRow
}

// endRow is a part of the certificates by when they end, as a bar.
type endRow struct {
	Words, Class string
	N, Width     int
}

// watchedRow is a list or responder that is a target of its own.
type watchedRow struct {
	T                watch.Target
	Path, Kind       string
	Made, Until      time.Time // of its last answer
	Answered         bool
	Cause            string // what is wrong with it, quoted; "" for nothing
	Soon             bool   // less than a fifth of its time is left
	MadeAgo, LeftFor string
}

// saidRow is what reports about the issuer's hosts say of a list or responder.
type saidRow struct {
	URL, Scheme  string
	Good, Failed int // reports
	Made, Until  time.Time
	Trouble      string // of the newest report that had no answer
}

type causeRow struct {
	watch.CauseCount
	At    string // path of the page about it; "" for none
	Words string
}

func (s *Server) issuer(r *request) (*page, error) {
	ctx, now := r.Context(), time.Now()
	h := r.hash("sha256", r.PathValue("sha256"))
	if r.wrong != nil {
		return nil, r.wrong
	}
	c, _, err := s.Store.Uncounted(ctx, h)
	if err != nil {
		return nil, err
	}
	v := &issuerView{C: c, Path: "/issuers/" + c.SHA256, Life: lifeOf(c, now)}
	if v.Issued, err = s.Store.Issued(ctx, h, now); err != nil {
		return nil, err
	}
	v.Ends, v.Lasting = endRows(v.Issued), finding.Duration(v.Issued.Shortest)
	if v.Issued.Longest > v.Issued.Shortest {
		v.Lasting += " to " + finding.Duration(v.Issued.Longest)
	}
	if v.Hosts, err = s.hostsOf(r, watch.TargetQuery{Issuer: h, Limit: issuerHosts}, v.Path, now); err != nil {
		return nil, err
	}
	if err := s.issuerHealth(ctx, v, h, now); err != nil {
		return nil, err
	}
	found, err := s.Store.CertFindings(ctx, h)
	if err != nil {
		return nil, err
	}
	v.Findings, _ = cutTo(found, certFindings)
	causes, err := s.Store.IssuerCauses(ctx, h)
	if err != nil {
		return nil, err
	}
	for _, one := range causes[:min(len(causes), issuerCauses)] {
		row := causeRow{CauseCount: one, At: causeAt(one.Cause), Words: short(200, one.Cause)}
		if row.At != "" {
			row.Words = "the CA certificate " + short(120, cmp.Or(one.Subject, one.Cause))
		}
		v.Causes = append(v.Causes, row)
	}
	var paths []*string
	for i := range v.Causes {
		paths = append(paths, &v.Causes[i].At)
	}
	if err := s.linkKnown(ctx, paths); err != nil {
		return nil, err
	}
	return &page{title: "Issuer " + short(100, cmp.Or(c.Subject, "with an empty subject")), nav: "/issuers", file: "issuer.html", data: v, live: true}, nil
}

// endRows are the certificates by when they end.
func endRows(i watch.Issued) (rows []endRow) {
	most := max(i.Ended, i.Within7, i.Within30, i.Within90, i.Later, 1)
	for _, one := range []endRow{{"over", "over", i.Ended, 0}, {"in less than 7 days", "soon", i.Within7, 0}, {"in 7 to 30 days", "soon", i.Within30, 0}, {"in 30 to 90 days", "ok", i.Within90, 0}, {"later", "ok", i.Later, 0}} {
		one.Width = 100 * one.N / most
		rows = append(rows, one)
	}
	return rows
}

// issuerHealth reads how the lists and responders of an issuer are: those that are
// watched, and what the newest reports about its hosts say.
func (s *Server) issuerHealth(ctx context.Context, v *issuerView, h watch.Hash, now time.Time) error {
	watched, err := s.Store.WatchedSources(ctx, h)
	if err != nil {
		return err
	}
	for _, t := range watched[:min(len(watched), issuerSources)] {
		row := watchedRow{T: t, Path: hostPath(t.ID), Kind: "CRL"}
		if t.Kind == watch.OCSP {
			row.Kind = "OCSP responder"
		}
		if t.Row != nil && t.Verdict != report.Accept {
			row.Cause = short(160, t.Row.Title)
		}
		rep, err := s.Store.Report(ctx, t.ID, 0)
		switch {
		case isNotFound(err):
		case err != nil:
			return err
		default:
			if a := firstAnswer(rep); a != nil && !a.ThisUpdate.IsZero() {
				row.Answered, row.Made, row.Until = true, a.ThisUpdate, a.NextUpdate
				row.MadeAgo = ago(now, a.ThisUpdate)
				if left := a.NextUpdate.Sub(now); !a.NextUpdate.IsZero() {
					row.Soon = left < a.NextUpdate.Sub(a.ThisUpdate)/5
					row.LeftFor = "over"
					if left > 0 {
						row.LeftFor = finding.Duration(left.Truncate(time.Minute)) + " left"
					}
				}
			}
		}
		v.Watched = append(v.Watched, row)
	}
	return s.issuerSaid(ctx, v, h)
}

// firstAnswer is the answer that the report about a list or responder is about.
func firstAnswer(r *report.Report) *report.Answer {
	for i := range r.Paths {
		for k := range r.Paths[i].Certs {
			if rev := r.Paths[i].Certs[k].Revocation; rev != nil && len(rev.Sources) > 0 {
				return &rev.Sources[0]
			}
		}
	}
	return nil
}

// issuerSaid gathers what reports say of lists and responders about certificates that
// the issuer signed.
func (s *Server) issuerSaid(ctx context.Context, v *issuerView, h watch.Hash) error {
	all, err := s.Store.Witnesses(ctx, h, issuerReports)
	if err != nil {
		return err
	}
	by := map[string]*saidRow{}
	for _, w := range all {
		rep, err := s.Store.Report(ctx, w.Target, w.State)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		v.Reports++
		if rep.Chosen < 0 || rep.Chosen >= len(rep.Paths) || len(rep.Paths[rep.Chosen].Certs) == 0 {
			continue
		}
		rev := rep.Paths[rep.Chosen].Certs[0].Revocation
		if rev == nil {
			continue
		}
		for _, a := range rev.Sources {
			if a.URL == "" {
				continue // a staple is the server's, a filter nobody's
			}
			key := a.Scheme.String() + " " + a.URL
			row := by[key]
			if row == nil {
				row = &saidRow{URL: short(200, a.URL), Scheme: a.Scheme.String()}
				by[key] = row
			}
			if a.Status == report.Good || a.Status == report.Revoked {
				row.Good++
			} else if row.Failed++; row.Trouble == "" {
				row.Trouble = short(160, cmp.Or(a.Detail, string(a.Status), "no status"))
			}
			if a.ThisUpdate.After(row.Made) {
				row.Made, row.Until = a.ThisUpdate, a.NextUpdate
			}
		}
	}
	for _, row := range by {
		v.Said = append(v.Said, *row)
	}
	slices.SortFunc(v.Said, func(a, b saidRow) int {
		return cmp.Or(b.Failed-a.Failed, b.Good-a.Good, strings.Compare(a.Scheme+a.URL, b.Scheme+b.URL))
	})
	v.Said = v.Said[:min(len(v.Said), issuerSources)]
	return nil
}
