package web

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/assemble"
	sheets "github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/report"
)

// certificatePages are the list of certificates and the pages about one.
func certificatePages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/certificates", name: "Certificates", answer: (*Server).certificateList},
		{method: "GET", path: "/certificates/{sha256}", answer: (*Server).certificate},
		{method: "GET", path: "/certificate/{sha256}", answer: elsewhere("/certificates/", "sha256")},
	}
}

// The bounds of these pages.
const (
	certRows     = 50 // in the list
	certHosts    = 20
	certNames    = 40
	certFindings = 12
	certSCTs     = 10
)

// certListView is what the list of certificates has.
type certListView struct {
	Q     string
	All   bool
	Certs []watch.Cert
	Next  string // path of the next page; "" for none
	First bool
}

func (s *Server) certificateList(r *request) (*page, error) {
	v := &certListView{Q: strings.TrimSpace(r.text("q")), All: r.flag("unused"), First: r.text("page") == ""}
	if r.wrong != nil {
		return nil, r.wrong
	}
	p, err := s.Store.Certificates(r.Context(), watch.CertQuery{Search: v.Q, All: v.All, Page: r.text("page"), Limit: certRows})
	if err != nil {
		return nil, err
	}
	v.Certs = p.Certs
	if p.Next != "" {
		next := url.Values{"page": {p.Next}}
		if v.Q != "" {
			next.Set("q", v.Q)
		}
		if v.All {
			next.Set("unused", "true")
		}
		v.Next = "/certificates?" + next.Encode()
	}
	return &page{title: "Certificates", nav: "/certificates", file: "certificates.html", data: v}, nil
}

// certView is what the page about a certificate has.
type certView struct {
	C         watch.Cert
	Path      string
	Serial    string // with colons
	Signature string
	IssuerAt  string // path of the page about the certificate that issued it; "" when that is not known
	Life      lifeView
	Names     []string // quoted
	MoreNames int
	Exts      []extRow
	Hosts     hostList
	Findings  []watch.CertFinding
	More      int // findings that are left out
	Witness   watch.Witness
	Seen      bool // there is a report about it
	Status    []sheets.CertStatus
	SCTs      []sctRow
	MoreSCTs  int
	Before    []watch.Neighbour
	After     []watch.Neighbour
	PEM       string
	Bytes     int
}

// lifeView is a validity as a picture: how much of it is left.
type lifeView struct {
	Width      int // of 100
	Class, Now string
}

type sctRow struct {
	Log, Operator, Source, Detail string
	Status                        string
	Class                         string
	Time                          time.Time
}

func (s *Server) certificate(r *request) (*page, error) {
	ctx, now := r.Context(), time.Now()
	h := r.hash("sha256", r.PathValue("sha256"))
	if r.wrong != nil {
		return nil, r.wrong
	}
	c, der, err := s.Store.Uncounted(ctx, h)
	if err != nil {
		return nil, err
	}
	facts := assemble.Facts(cert.Parse(der), "")
	v := &certView{C: c, Path: "/certificates/" + c.SHA256, Serial: colons(c.Serial), Signature: short(80, facts.Signature), Life: lifeOf(c, now), Exts: extRows(&facts), Bytes: len(der),
		PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	names, more := cutTo(facts.Names, certNames)
	for _, n := range names {
		v.Names = append(v.Names, short(120, n))
	}
	v.MoreNames = more
	if len(v.PEM) > 8<<10 {
		v.PEM = "" // it is a download
	}
	if v.Hosts, err = s.hostsOf(r, watch.TargetQuery{Cert: h, Limit: certHosts}, v.Path, now); err != nil {
		return nil, err
	}
	found, err := s.Store.CertFindings(ctx, h)
	if err != nil {
		return nil, err
	}
	v.Findings, v.More = cutTo(found, certFindings)
	if v.Before, v.After, err = s.Store.Neighbours(ctx, h); err != nil {
		return nil, err
	}
	if v.Witness, v.Seen, err = s.Store.CertWitness(ctx, h); err != nil {
		return nil, err
	}
	if v.Seen {
		rep, err := s.Store.Report(ctx, v.Witness.Target, v.Witness.State)
		if err == nil {
			v.said(rep, c.SHA256)
			if err := s.linkKnown(ctx, []*string{&v.IssuerAt}); err != nil {
				return nil, err
			}
		} else if v.Seen = false; !isNotFound(err) {
			return nil, err
		}
	}
	return &page{title: "Certificate of " + short(100, cmp.Or(c.Subject, "an empty subject")), nav: "/certificates", file: "certificate.html", data: v, live: true}, nil
}

// hostList is a page of hosts, the worst first.
type hostList struct {
	Now     time.Time
	Caption string
	Hosts   []watch.Target
	Total   int
	Next    string // path of the page with the next hosts; "" for none
}

// hostsOf reads the hosts of a page whose path is given.
func (s *Server) hostsOf(r *request, q watch.TargetQuery, path string, now time.Time) (l hostList, err error) {
	q.Order, q.Page = watch.ByWorst, r.text("page")
	p, err := s.Store.Targets(r.Context(), q, now)
	if err != nil {
		return l, err
	}
	l = hostList{Now: now, Caption: plural(p.Total, "host", "hosts") + ", the worst first", Hosts: p.Targets, Total: p.Total}
	if p.Next != "" {
		l.Next = path + "?page=" + url.QueryEscape(p.Next) + "#hosts"
	}
	return l, nil
}

// said takes from a report what it says of the certificate.
func (v *certView) said(r *report.Report, sha256 string) {
	for _, one := range []*report.Report{r, r.AlsoServes} {
		if one == nil || one.Chosen < 0 || one.Chosen >= len(one.Paths) {
			continue
		}
		path := one.Paths[one.Chosen].Certs
		known := func(i int) bool { return i >= 0 && i < len(path) && path[i].Cert >= 0 && path[i].Cert < len(one.Certs) }
		status := 0 // the sheet has one for each certificate that has a status
		for i, pc := range path {
			if !known(i) || one.Certs[pc.Cert].SHA256 != sha256 {
				if pc.Revocation != nil {
					status++
				}
				continue
			}
			if known(i + 1) {
				v.IssuerAt = "/certificates/" + one.Certs[path[i+1].Cert].SHA256
			}
			if all := sheets.Of(one, sheets.Options{}).Revocation; pc.Revocation != nil && status < len(all) {
				boundStatus(&all[status])
				v.Status = all[status : status+1]
			}
			if one.CT != nil {
				v.scts(one.CT, i)
			}
			return
		}
	}
}

func (v *certView) scts(ct *report.CT, position int) {
	for _, x := range ct.SCTs {
		if x.Cert != position {
			continue
		}
		if len(v.SCTs) == certSCTs {
			v.MoreSCTs++
			continue
		}
		row := sctRow{Log: short(80, cmp.Or(x.Log, "log "+x.LogID)), Operator: short(60, x.Operator), Source: short(20, x.Source), Detail: short(120, x.Detail), Status: short(30, x.Status), Time: x.Time, Class: "caution"}
		switch x.Status {
		case report.SCTValid:
			row.Class = "fine"
		case report.SCTInvalid:
			row.Class = "bad"
		}
		v.SCTs = append(v.SCTs, row)
	}
}

// lifeOf says how much of a certificate's life is left.
func lifeOf(c watch.Cert, now time.Time) lifeView {
	whole, past := c.NotAfter.Sub(c.NotBefore), now.Sub(c.NotBefore)
	switch {
	case whole <= 0:
		return lifeView{0, "over", "it is never valid"}
	case past < 0:
		return lifeView{100, "soon", "it begins " + plural(daysTo(now, c.NotBefore), "day", "days") + " from now"}
	case past > whole:
		return lifeView{0, "over", "it ended " + ago(now, c.NotAfter)}
	}
	left := 100 - int(float64(past)/float64(whole)*100)
	v := lifeView{left, "ok", fmt.Sprintf("%s left, %d %% of its life", plural(daysTo(now, c.NotAfter), "day", "days"), left)}
	if left <= 20 {
		v.Class = "soon"
	}
	return v
}

// colons writes a number in hexadecimal as programs print serial numbers.
func colons(hex string) string {
	if len(hex)%2 != 0 || len(hex) > 128 {
		return short(130, hex)
	}
	var parts []string
	for i := 0; i < len(hex); i += 2 {
		parts = append(parts, hex[i:i+2])
	}
	return short(200, strings.Join(parts, ":"))
}

// certificateDownloads adds certificates as files to a mux.
func (s *Server) certificateDownloads(mux *http.ServeMux) {
	for _, form := range []string{"pem", "der"} {
		path := "/certificates/{sha256}/" + form
		mux.Handle("GET "+path, s.timed(path, func(w http.ResponseWriter, hr *http.Request) {
			r := &request{Request: hr, w: w}
			h := r.hash("sha256", hr.PathValue("sha256"))
			var der []byte
			var err error
			if r.wrong != nil {
				err = r.wrong
			} else {
				_, der, err = s.Store.Uncounted(hr.Context(), h)
			}
			if err != nil {
				s.refuse(w, hr, s.problemOf(err))
				return
			}
			name := "certificate-" + h.String()[:16] + "." + form
			if form == "der" {
				handOut(w, "application/pkix-cert", name, der)
				return
			}
			handOut(w, "application/x-pem-file", name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}))
	}
}

// extRow is an extension in words.
type extRow struct {
	Name     string
	Critical bool
	Words    string
}

const (
	extRowsMost = 24
	extWords    = 300
)

// extRows are the extensions of a certificate in words, and in hexadecimal where assay
// has none.
func extRows(c *report.Cert) (rows []extRow) {
	for _, x := range c.Extensions {
		if len(rows) == extRowsMost {
			return append(rows, extRow{Name: plural(len(c.Extensions)-extRowsMost, "more extension", "more extensions"), Words: "in the download"})
		}
		rows = append(rows, extRow{short(60, cmp.Or(x.Name, x.OID)), x.Critical, short(extWords, cmp.Or(extensionWords(c, x.OID), x.Value))})
	}
	return rows
}

// extensionWords say what an extension is for; "" where only its bytes can be shown.
func extensionWords(c *report.Cert, oid string) string {
	list := func(before string, all []string) string {
		if len(all) == 0 {
			return ""
		}
		return before + strings.Join(all, ", ")
	}
	switch oid {
	case "2.5.29.15":
		return list("the key may be used for: ", c.KeyUsage)
	case "2.5.29.37":
		return list("the certificate is for: ", c.ExtKeyUsage)
	case "2.5.29.17":
		return fmt.Sprintf("%s, listed above", plural(len(c.Names), "name", "names"))
	case "2.5.29.19":
		switch {
		case !c.CA:
			return "it is no CA: it may not issue certificates"
		case c.PathLen != nil:
			return "it is a CA, with at most " + strconv.Itoa(*c.PathLen) + " more CA certificates below it"
		}
		return "it is a CA: it may issue certificates"
	case "2.5.29.14":
		return list("the name of its key: ", some(c.SubjectKeyID))
	case "2.5.29.35":
		return list("the name of its issuer's key: ", some(c.AuthorityKey))
	case "2.5.29.31":
		return list("its CRL is at ", c.CRL)
	case "1.3.6.1.5.5.7.1.1":
		return strings.Join(append(some(list("OCSP responder at ", c.OCSP)), some(list("issuer's certificate at ", c.CAIssuers))...), "; ")
	case "2.5.29.32":
		return list("issued under the policies ", c.Policies)
	case "1.3.6.1.5.5.7.1.24":
		if c.MustStaple {
			return "the server must staple an OCSP response (must-staple)"
		}
	case "1.3.6.1.4.1.11129.2.4.2":
		return "SCTs: promises of Certificate Transparency logs, listed below"
	case "1.3.6.1.4.1.11129.2.4.3":
		return "it is a precertificate, which no server may use"
	case "1.3.6.1.5.5.7.48.1.5":
		return "as a signer of OCSP responses it is not asked about itself"
	case "2.5.29.56":
		return "its CA says that there is no revocation information"
	}
	return ""
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// causeAt is the page about a cause, "" for an address.
func causeAt(cause string) string {
	if h, found := strings.CutPrefix(cause, "certificate:"); found && len(h) == 64 {
		return "/certificates/" + url.PathEscape(h)
	}
	return ""
}
