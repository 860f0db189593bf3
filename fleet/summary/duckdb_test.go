package summary

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// duckDB runs queries in a folder with DuckDB for Node, whose node_modules is in
// ASSAY_DUCKDB. Without it the test is skipped, and fails with ASSAY_FULL=1.
func duckDB(t *testing.T, dir string, queries ...string) (answers []struct {
	Rows  []map[string]any `json:"rows"`
	Error string           `json:"error"`
}) {
	t.Helper()
	if os.Getenv("ASSAY_DUCKDB") == "" {
		const say = "ASSAY_DUCKDB does not name a folder with node_modules/@duckdb/node-api (npm install @duckdb/node-api)"
		if os.Getenv("ASSAY_FULL") == "1" {
			t.Fatal(say)
		}
		t.Skip(say)
	}
	script, err := filepath.Abs("testdata/duckdb.mjs")
	if err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s", err, errs.String())
	}
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(queries) {
		t.Fatalf("%v %s", err, out)
	}
	for i, a := range answers {
		if a.Error != "" {
			t.Errorf("%s\n%s", queries[i], a.Error)
		}
	}
	return answers
}

// withCertificates gives every row of a job its certificate, and two of them
// one key.
func withCertificates(all []sink.Row) (b sink.Batch) {
	b = sink.Batch{Size: len(all), Rows: all}
	for i := range all {
		all[i].Position = i
		if all[i].Skipped == "" {
			b.Certificates = append(b.Certificates, sink.Certificate{SHA256: all[i].Leaf, SPKI: report.Hash{5, byte(i / 2)}, Subject: "CN=" + all[i].Target, Issuer: "CN=Example CA", Serial: "0" + strconv.Itoa(i%10),
				NotBefore: at.AddDate(0, -1, 0), NotAfter: all[i].NotAfter, Key: "ECDSA P-256", Signature: "SHA-256 with ECDSA", Names: []string{"dns:" + all[i].Target, "dns:www." + all[i].Target}})
		}
	}
	b.Certificates = append(b.Certificates, sink.Certificate{SHA256: report.Hash{2, 0}, Subject: "CN=Example CA 0", CA: true}, sink.Certificate{SHA256: report.Hash{2, 1}, Subject: "CN=Example CA 1", CA: true})
	return b
}

func store(t *testing.T, dir string, b sink.Batch) {
	t.Helper()
	w, err := sink.Open(dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

// Every query of the page of recipes runs, and gives what it did.
func TestRecipes(t *testing.T) {
	page, err := os.ReadFile("../../docs/recipes-duckdb.md")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, m := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(page, -1) {
		queries = append(queries, strings.TrimSuffix(strings.TrimSpace(string(m[1])), ";"))
	}
	if len(queries) < 15 {
		t.Fatalf("%d recipes", len(queries))
	}
	dir := t.TempDir()
	store(t, filepath.Join(dir, "yesterday"), withCertificates(rows(40)))
	store(t, filepath.Join(dir, "today"), withCertificates(changed()))
	answers := duckDB(t, dir, queries...)
	for i, a := range answers {
		if len(a.Rows) == 0 {
			t.Errorf("%s\nhas no rows", queries[i])
		}
	}
	got, err := json.MarshalIndent(answers, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "recipes.json", append(got, '\n'))
	if csv, err := os.ReadFile(filepath.Join(dir, "rejected.csv")); err != nil || !strings.HasPrefix(string(csv), "target,verdict,") {
		t.Errorf("%v %s", err, csv)
	}
}

// DuckDB reads from Parquet and from the lines what was stored.
func TestReadByDuckDB(t *testing.T) {
	dir := t.TempDir()
	all := rows(100)
	all[7].Input, all[7].Evidence, all[7].Policy, all[7].More = "https://exämple.com", sink.EvidenceKept, report.Hash{9}, 3
	store(t, filepath.Join(dir, "job"), withCertificates(all))
	const hashes = `* REPLACE (hex(leaf) AS leaf, hex(issuer) AS issuer, hex(policy) AS policy, epoch_ms(started) AS started, epoch_ms(time) AS "time", epoch_ms(not_after) AS not_after)`
	answers := duckDB(t, dir, "SELECT "+hashes+" FROM 'job/results/*.parquet' ORDER BY target",
		"SELECT target, verdict, elapsed_ms, leaf, warning FROM read_json('job/lines/*.jsonl.zst', format='newline_delimited', compression='zstd') ORDER BY target")
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	hash := func(h report.Hash) any {
		if h == (report.Hash{}) {
			return nil
		}
		return strings.ToUpper(hex.EncodeToString(h[:]))
	}
	ms := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	list := func(ids []finding.ID) any {
		l := []any{}
		for _, id := range ids {
			l = append(l, string(id))
		}
		return l
	}
	if len(answers[0].Rows) != len(all) || len(answers[1].Rows) != len(all) {
		t.Fatalf("%d rows and %d lines of %d", len(answers[0].Rows), len(answers[1].Rows), len(all))
	}
	for i, got := range answers[0].Rows {
		r := all[i]
		want := map[string]any{
			"target": r.Target, "input": text(r.Input), "address": text(r.Address), "time": ms(r.Time), "started": ms(r.Started), "elapsed_ms": float64(r.Elapsed.Milliseconds()), "attempts": float64(r.Attempts),
			"verdict": string(r.Verdict), "skipped": text(string(r.Skipped)), "failure": text(r.Failure), "headline": text(string(r.Headline)), "headline_role": text(string(r.HeadlineRole)), "title": text(r.Title),
			"error": list(r.Errors), "inconclusive": list(r.Inconclusive), "warning": list(r.Warnings), "info": list(r.Infos), "more": float64(r.More), "not_after": ms(r.NotAfter), "days": nil,
			"leaf": hash(r.Leaf), "issuer": hash(r.Issuer), "ct": text(string(r.CT)), "protocol": text(r.Protocol), "policy": hash(r.Policy), "evidence": text(string(r.Evidence)), "row_version": 1.0,
		}
		for _, a := range asked(&r.Programs) {
			want["program_"+a.program.String()] = text(string(a.answer))
		}
		if r.Days != nil {
			want["days"] = float64(*r.Days)
		}
		for _, l := range []string{"revocation", "sources"} {
			n := len(r.Revocation)
			if l == "sources" {
				n = len(r.Sources)
			}
			if have, ok := got[l].([]any); !ok || len(have) != n {
				t.Errorf("row %d: %s is %v", i, l, got[l])
			}
			delete(got, l)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Fatalf("row %d\n%s\nwant\n%s", i, a, b)
		}
		line := answers[1].Rows[i]
		if line["target"] != r.Target || line["verdict"] != string(r.Verdict) || r.Skipped == "" && line["leaf"] != r.Leaf.String() {
			t.Errorf("line %d is %v", i, line)
		}
	}
}
