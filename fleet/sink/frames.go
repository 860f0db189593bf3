package sink

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A file of lines is a row of zstd frames, so that zstdcat reads it at any
// time. Before each stands a skippable frame of ours (RFC 8878, 3.1.2): where in the
// journal the frame's lines end, how many they are, the length of the frame and its
// CRC-32C, 24 octets. By it a torn tail is found, and the lines that are missing are
// written again and no others.
const (
	skippableMagic = 0x184D2A5A
	frameNote      = 24
	maxFrame       = 64 << 20
)

// Lines wait for company, so that they compress well: this many octets, or
// this long.
const (
	frameOctets = 1 << 20
	frameAge    = 5 * time.Second
)

var (
	lineEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	lineDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame), zstd.WithDecoderMaxWindow(8<<20))
)

// lines is a file of lines that grows.
type lines struct {
	f      *os.File
	size   int64  // octets of whole frames
	cursor int64  // end in the journal of what the frames hold
	rows   int64  // lines in the frames and in pending
	frame  []byte // being made

	pending []byte
	waiting uint32 // lines of pending
	until   int64  // end in the journal of pending
	since   time.Time
}

// openLines opens or creates a file of lines and cuts off what is torn, or goes
// beyond journalEnd.
func openLines(name string, journalEnd int64) (*lines, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &lines{f: f}
	err = scanFrames(bufio.NewReaderSize(f, 1<<20), func(n note, frame []byte) error {
		if n.until > journalEnd || n.until < l.cursor {
			return errStop
		}
		l.size += 8 + frameNote + int64(len(frame))
		l.cursor, l.rows = n.until, l.rows+int64(n.lines)
		return nil
	})
	if err == nil || errors.Is(err, errStop) {
		err = f.Truncate(l.size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// note is what stands before a frame.
type note struct {
	until int64
	lines uint32
}

var errStop = errors.New("stop")

// scanFrames hands the frames of a file of lines to each. The end of the file
// and anything that is torn end it without an error.
func scanFrames(r io.Reader, each func(n note, frame []byte) error) error {
	var head [8 + frameNote]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return ended(err)
		}
		size := binary.LittleEndian.Uint32(head[20:])
		if binary.LittleEndian.Uint32(head[:]) != skippableMagic || binary.LittleEndian.Uint32(head[4:]) != frameNote || size == 0 || size > maxFrame {
			return nil
		}
		frame, err := io.ReadAll(io.LimitReader(r, int64(size))) // grows with what is there
		if err != nil {
			return err
		}
		if len(frame) != int(size) || crc32.Checksum(frame, castagnoli) != binary.LittleEndian.Uint32(head[24:]) {
			return nil
		}
		n := note{until: int64(binary.LittleEndian.Uint64(head[8:])), lines: binary.LittleEndian.Uint32(head[16:])}
		if n.until < 0 {
			return nil
		}
		if err := each(n, frame); err != nil {
			return err
		}
	}
}

// add takes lines, each with its end, of the journal's record that ends at
// until.
func (l *lines) add(text []byte, count int, until int64) error {
	if len(l.pending) == 0 {
		l.since = time.Now()
	}
	l.pending, l.waiting, l.until = append(l.pending, text...), l.waiting+uint32(count), until
	l.rows += int64(count)
	if len(l.pending) < frameOctets && time.Since(l.since) < frameAge {
		return nil
	}
	return l.flush()
}

// flush writes the lines that wait.
func (l *lines) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	head := make([]byte, 8+frameNote)
	l.frame = lineEncoder.EncodeAll(l.pending, append(l.frame[:0], head...))
	body := l.frame[len(head):]
	if len(body) > maxFrame {
		return fmt.Errorf("a frame of %d octets", len(body))
	}
	binary.LittleEndian.PutUint32(l.frame, skippableMagic)
	binary.LittleEndian.PutUint32(l.frame[4:], frameNote)
	binary.LittleEndian.PutUint64(l.frame[8:], uint64(l.until))
	binary.LittleEndian.PutUint32(l.frame[16:], l.waiting)
	binary.LittleEndian.PutUint32(l.frame[20:], uint32(len(body)))
	binary.LittleEndian.PutUint32(l.frame[24:], crc32.Checksum(body, castagnoli))
	if _, err := l.f.WriteAt(l.frame, l.size); err != nil {
		return err
	}
	l.size, l.cursor = l.size+int64(len(l.frame)), l.until
	l.pending, l.waiting = l.pending[:0], 0
	return nil
}

// finish writes what waits, forces the file to the disk and closes it.
func (l *lines) finish() error {
	err := l.flush()
	if err == nil {
		err = l.f.Sync()
	}
	return errors.Join(err, l.f.Close())
}

// readLines hands each line of a file to each, without its end. A line is good
// until each returns. What is torn at the end is left out.
func readLines(name string, each func(line []byte) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var text []byte
	return scanFrames(bufio.NewReaderSize(f, 1<<20), func(_ note, frame []byte) (err error) {
		if text, err = lineDecoder.DecodeAll(frame, text[:0]); err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		for line := range bytes.Lines(text) {
			if err := each(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
		}
		return nil
	})
}
