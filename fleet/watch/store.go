package watch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/assaytls/assay/report"
)

// Store is the database of a watch: SQLite, or PostgreSQL that several processes
// share. It is safe for concurrent use.
type Store struct {
	write, read *sql.DB
	d           *dialect
	address     string // as Open got it
	pack        *zstd.Encoder
	unpack      *zstd.Decoder
}

// maxReport bounds a report as it is read back, in bytes of JSON.
const maxReport = 16 << 20

// Open opens a database, and makes or renews its tables: postgres://USER@HOST/NAME,
// or the name of a file of SQLite, which is made when it is not there.
func Open(ctx context.Context, database string) (*Store, error) {
	write, read, d, err := connect(ctx, database)
	if err != nil {
		return nil, err
	}
	s := &Store{write: write, read: read, d: d, address: database}
	if s.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<18), zstd.WithLowerEncoderMem(true)); err == nil {
		s.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxReport), zstd.WithDecoderLowmem(true))
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error {
	if s.unpack != nil {
		s.unpack.Close()
	}
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return err
}

// Tx is one transaction. Statements have ? for parameters in both databases.
type Tx struct {
	tx  *sql.Tx
	ctx context.Context
	d   *dialect
}

// Update runs f in a transaction that writes: all of it or, when f or the database
// fails, nothing. It may run f again when others were in its way.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) (err error) {
	for range 5 {
		if err = s.in(ctx, s.write, nil, f); !again(err) {
			return err
		}
	}
	return err
}

// View runs f in a transaction that only reads and sees one state of the database.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if s.d.numbered {
		o.Isolation = sql.LevelRepeatableRead
	}
	return s.in(ctx, s.read, o, f)
}

func (s *Store) in(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(&Tx{tx, ctx, s.d}); err != nil {
		return err
	}
	return tx.Commit()
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	r, err := tx.tx.ExecContext(tx.ctx, tx.d.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Query runs a query. The caller closes the rows.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(tx.ctx, tx.d.rebind(query), args...)
}

// each calls f for each row of a query.
func (tx *Tx) each(query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads the one row of a query; found is false when there is none.
func (tx *Tx) one(query string, args []any, to ...any) (found bool, err error) {
	err = tx.tx.QueryRowContext(tx.ctx, tx.d.rebind(query), args...).Scan(to...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// ordered makes sure that events get their numbers in the order in which
// transactions commit, so that a reader who goes by numbers misses none.
func (tx *Tx) ordered() error {
	if tx.d.inOrder == "" {
		return nil // SQLite has one writer
	}
	_, err := tx.Exec(tx.d.inOrder)
	return err
}

// milli is a time as the database has it.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is a time as it was stored.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// packed is a report as the database has it: JSON without the certificates, which
// have a table of their own, compressed.
func (s *Store) packed(r *report.Report) ([]byte, error) {
	b, err := json.Marshal(withoutPEM(r))
	if err != nil {
		return nil, err
	}
	if len(b) > maxReport {
		return nil, fmt.Errorf("the report has %d bytes, and %d can be kept", len(b), maxReport)
	}
	return s.pack.EncodeAll(b, make([]byte, 0, len(b)/3)), nil
}

// withoutPEM is a copy of r that lacks the bytes of the certificates.
func withoutPEM(r *report.Report) *report.Report {
	c := *r
	c.Certs = append([]report.Cert(nil), r.Certs...)
	for i := range c.Certs {
		c.Certs[i].PEM = ""
	}
	if r.AlsoServes != nil {
		c.AlsoServes = withoutPEM(r.AlsoServes)
	}
	return &c
}

// unpacked reads what packed wrote.
func (s *Store) unpacked(b []byte) (*report.Report, error) {
	text, err := s.unpack.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("a stored report cannot be read: %w", err)
	}
	r := &report.Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("a stored report cannot be read: %w", err)
	}
	return r, nil
}

// ErrNotFound is returned for what the database does not have.
var ErrNotFound = errors.New("the database does not have it")

var _ io.Closer = (*Store)(nil)
