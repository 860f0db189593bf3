package sink

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/assaytls/assay/report"
)

// tableRows is a row as Parquet has it: without position and SPKI.
func asStored(r Row) Row {
	r.Position, r.SPKI = 0, [32]byte{}
	return r
}

func TestTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.parquet")
	tab, err := createTable[record](name)
	if err != nil {
		t.Fatal(err)
	}
	var want []Row
	for n := range uint64(30) {
		recs := make([]record, 100)
		for i, r := range batch(n, 100).Rows {
			recs[i].set(&r)
			want = append(want, asStored(r))
		}
		if err := tab.write(recs); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.finish(); err != nil {
		t.Fatal(err)
	}
	if err := tab.publish(); err != nil {
		t.Fatal(err)
	}
	i := 0
	if err := readTable(name, func(recs []record) error {
		for k := range recs {
			if got := recs[k].row(); !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("row %d\n%+v\nwant\n%+v", i, got, want[i])
			}
			i++
		}
		return nil
	}); err != nil || i != len(want) {
		t.Errorf("%d rows: %v", i, err)
	}
	// a projection
	i = 0
	if err := readTable(name, func(recs []struct {
		Verdict string   `parquet:"verdict"`
		Errors  []string `parquet:"error,list"`
	}) error {
		for k := range recs {
			if recs[k].Verdict != string(want[i].Verdict) || len(recs[k].Errors) != len(want[i].Errors) {
				t.Fatalf("%d %+v", i, recs[k])
			}
			i++
		}
		return nil
	}); err != nil || i != len(want) {
		t.Errorf("%d rows: %v", i, err)
	}
}

// A file of the time before there were the columns of root programs is read: nobody
// was asked then.
func TestFewerColumns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.parquet")
	type older struct {
		Target     string `parquet:"target"`
		Verdict    string `parquet:"verdict,dict"`
		RowVersion int32  `parquet:"row_version,dict"`
	}
	tab, err := createTable[older](name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tab.write([]older{{"a.example:443", "accept", 1}}), tab.finish(), tab.publish()); err != nil {
		t.Fatal(err)
	}
	want := Row{Row: report.Row{Version: 1, Target: "a.example:443", Verdict: report.Accept}}
	n := 0
	if err := readTable(name, func(recs []record) error {
		n += len(recs)
		if got := recs[0].row(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nwant\n%+v", got, want)
		}
		return nil
	}); err != nil || n != 1 {
		t.Errorf("%d rows: %v", n, err)
	}
}

func BenchmarkTable(b *testing.B) {
	name := filepath.Join(b.TempDir(), "x.parquet")
	tab, _ := createTable[record](name)
	recs := make([][]record, 1000)
	for n := range recs {
		recs[n] = make([]record, 100)
		for i, r := range batch(uint64(n), 100).Rows {
			recs[n][i].set(&r)
		}
	}
	b.ResetTimer()
	n := 0
	for b.Loop() {
		tab.write(recs[n%len(recs)])
		n++
	}
	tab.finish()
	info, _ := os.Stat(name + ".tmp")
	b.ReportMetric(float64(info.Size())/float64(n)/100, "B/row")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/100, "ns/row")
}
