package sink

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// The journal has the messages of the part that is being made, as they came:
// magic, then for each its length and CRC-32C (4 octets each, little-endian) and
// the message. A record that was not written whole ends the journal.
const (
	journalMagic = "assay journal 1\n"
	recordHeader = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is an open journal of a Writer.
type journal struct {
	f    *os.File
	size int64 // octets that hold whole records
	cut  int64 // octets that were cut off when it was opened
}

// openJournal opens or creates the journal, hands every message in it and the
// offset of its end to replay, and cuts off what is torn.
func openJournal(name string, replay func(msg []byte, end int64) error) (*journal, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{f: f}
	if j.size, err = readJournal(f, replay); err == nil {
		err = j.mend()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// mend cuts the journal to its whole records, and begins a new one.
func (j *journal) mend() error {
	info, err := j.f.Stat()
	if err != nil {
		return err
	}
	if j.cut = info.Size() - j.size; j.cut > 0 {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
	}
	if j.size == 0 {
		if _, err := j.f.WriteAt([]byte(journalMagic), 0); err != nil {
			return err
		}
		j.size = int64(len(journalMagic))
	}
	return nil
}

// readJournal hands the whole records of a journal to each and returns where
// they end; 0 when not even the magic is whole. It does not fail for what is torn
// or is none of ours: that is where it ends.
func readJournal(f io.Reader, each func(msg []byte, end int64) error) (size int64, err error) {
	r := bufio.NewReaderSize(f, 1<<20)
	magic := make([]byte, len(journalMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return 0, ended(err)
	}
	if string(magic) != journalMagic {
		return 0, errors.New("the journal has another format than this program writes")
	}
	size = int64(len(magic))
	var header [recordHeader]byte
	msg := make([]byte, 0, 64<<10)
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return size, ended(err)
		}
		n := binary.LittleEndian.Uint32(header[:])
		if n == 0 || n > maxMessage {
			return size, nil
		}
		if cap(msg) < int(n) {
			msg = make([]byte, n)
		}
		msg = msg[:n]
		if _, err := io.ReadFull(r, msg); err != nil {
			return size, ended(err)
		}
		if crc32.Checksum(msg, castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
			return size, nil
		}
		if err := each(msg, size+recordHeader+int64(n)); err != nil {
			return size, err
		}
		size += recordHeader + int64(n)
	}
}

// ended is nil for the end of a file, which may come early.
func ended(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// append writes one message. After an error nothing of it is left, or the next
// openJournal cuts it off.
func (j *journal) append(msg []byte) error {
	if len(msg) == 0 || len(msg) > maxMessage {
		return fmt.Errorf("a message of %d octets", len(msg))
	}
	record := make([]byte, recordHeader, recordHeader+len(msg))
	binary.LittleEndian.PutUint32(record, uint32(len(msg)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(msg, castagnoli))
	record = append(record, msg...)
	if _, err := j.f.WriteAt(record, j.size); err != nil {
		j.f.Truncate(j.size) // the record is torn either way
		return err
	}
	j.size += int64(len(record))
	return nil
}
