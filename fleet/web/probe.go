package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// The bounds of what one probe says.
const (
	maxFindings = 50
	maxEnds     = 50
	maxScrape   = time.Minute
)

// probe checks a target for Prometheus: target is as in [Check], module is a group of
// the configuration, and all other parameters are rules of the policy.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	q, p := s.probed(r)
	if p != nil {
		refuse(w, p)
		return
	}
	limit := maxScrape
	if t, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64); err == nil && t > 1 && t < maxScrape.Seconds() {
		limit = time.Duration((t - 0.5) * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	began := time.Now()
	o, _, err := s.judge(r.WithContext(ctx), q)
	if err != nil {
		refuse(w, s.problemOf(err))
		return
	}
	registry := prometheus.NewRegistry()
	probeMetrics(registry, o, time.Since(began), time.Now())
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// probed reads the parameters of a probe.
func (s *Server) probed(r *http.Request) (q watch.Question, p *Problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, problem(http.StatusBadRequest, "the query cannot be read")
	}
	if len(values["target"]) != 1 || values.Get("target") == "" || len(values["module"]) > 1 {
		return q, problem(http.StatusBadRequest, "one target is needed, like /probe?target=example.com, and one module at most")
	}
	module := values.Get("module")
	if c := s.config.Load().config; module != "" && c.Group(module) == nil {
		if _, found := s.config.Load().by[module+"\x1f"+values.Get("target")]; !found {
			return q, problem(http.StatusBadRequest, "module: the configuration has no group "+module)
		}
	}
	q = s.question(values.Get("target"), module)
	for name, v := range values {
		if name == "target" || name == "module" {
			continue
		}
		if _, found := policy.Lookup(name); !found {
			return q, problem(http.StatusBadRequest, "there is no parameter "+name+" here", "target, module, and the names of flags of assay check about what is accepted")
		}
		if q.Policy == nil {
			q.Policy = map[string][]string{}
		}
		q.Policy[name] = v
	}
	return q, nil
}

// probeMetrics says in metrics what a check came to. Names that blackbox_exporter has
// mean here what they mean there.
func probeMetrics(registry *prometheus.Registry, o watch.Outcome, took time.Duration, now time.Time) {
	r := o.Report
	row := r.Row()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		registry.MustRegister(v)
		return v
	}
	gauge("probe_success", "1 when the server is accepted").WithLabelValues().Set(truth(row.Verdict == report.Accept))
	gauge("probe_duration_seconds", "how long the probe took").WithLabelValues().Set(took.Seconds())
	verdict := gauge("assay_verdict", "1 for the verdict, 0 for the others", "verdict")
	for _, v := range []report.Verdict{report.Accept, report.Reject, report.Inconclusive} {
		verdict.WithLabelValues(string(v)).Set(truth(row.Verdict == v))
	}
	if row.Headline != "" {
		gauge("assay_headline_info", "the root cause", "finding", "role").WithLabelValues(string(row.Headline), string(row.HeadlineRole)).Set(1)
	}
	findings := gauge("assay_finding", "1 for each kind of finding of severity warning and above, 50 kinds at most", "finding", "severity")
	n := 0
	for _, f := range row.Errors {
		n += one(findings, n, string(f), finding.Error)
	}
	for _, f := range row.Inconclusive {
		n += one(findings, n, string(f), finding.Inconclusive)
	}
	for _, f := range row.Warnings {
		n += one(findings, n, string(f), finding.Warning)
	}
	connectionMetrics(gauge, r)
	certificateMetrics(gauge, r, now)
}

type gauges func(name, help string, labels ...string) *prometheus.GaugeVec

func one(v *prometheus.GaugeVec, n int, id string, severity finding.Severity) int {
	if n >= maxFindings {
		return 0
	}
	v.WithLabelValues(id, severity.String()).Set(1)
	return 1
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func connectionMetrics(gauge gauges, r *report.Report) {
	c := r.Connection
	if c == nil {
		return
	}
	if ap, err := netip.ParseAddrPort(c.Addr); err == nil {
		version := 4.0
		if ap.Addr().Unmap().Is6() {
			version = 6
		}
		gauge("probe_ip_protocol", "version of the Internet Protocol that was used").WithLabelValues().Set(version)
	}
	if c.Version != "" {
		gauge("probe_tls_version_info", "the version of TLS", "version").WithLabelValues(c.Version).Set(1)
		gauge("probe_tls_cipher_info", "the cipher suite", "cipher").WithLabelValues(c.Suite).Set(1)
	}
	gauge("assay_stapled", "1 when the server sent an OCSP response in the handshake").WithLabelValues().Set(truth(c.Stapled))
}

func certificateMetrics(gauge gauges, r *report.Report, now time.Time) {
	var earliest time.Time
	for _, i := range r.Sent {
		if i >= 0 && i < len(r.Certs) && !r.Certs[i].NotAfter.IsZero() && (earliest.IsZero() || r.Certs[i].NotAfter.Before(earliest)) {
			earliest = r.Certs[i].NotAfter
		}
	}
	if !earliest.IsZero() {
		gauge("probe_ssl_earliest_cert_expiry", "when the first certificate ends of those that the server sent, in seconds since 1970").WithLabelValues().Set(float64(earliest.Unix()))
	}
	ends := gauge("assay_end_seconds", "seconds until the end of a certificate, a staple, a list or a response; negative when it is over. counts is false where something else says the same for longer", "what", "role", "number", "counts")
	for i, e := range watch.Ends(r) {
		if i == maxEnds {
			break
		}
		ends.WithLabelValues(e.What, e.Role, strconv.Itoa(i), strconv.FormatBool(e.Counts)).Set(e.At.Sub(now).Seconds())
	}
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return
	}
	revocation := gauge("assay_revocation", "1 for the revocation status of each certificate of the chosen path", "position", "role", "status")
	for i, c := range r.Paths[r.Chosen].Certs {
		if c.Revocation != nil && i < maxEnds {
			revocation.WithLabelValues(strconv.Itoa(i), string(c.Role), string(c.Revocation.Status)).Set(1)
		}
	}
}
