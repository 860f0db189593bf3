package worker

import (
	"context"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// held is a batch that this worker has. Its results are handed over in one piece,
// or in two where targets have to be probed again later: the rows of the others do not
// wait in memory for them.
type held struct {
	w   *worker
	msg *queue.Message
	b   job.Batch

	mu       sync.Mutex
	open     int // targets that are not done
	first    int // of them, those that were not probed once
	unhanded int // pieces under way to the queue
	piece    sink.Batch
	certs    map[report.Hash]bool // in piece
	done     bool                 // all is handed over
}

// begin has the targets probed.
func (h *held) begin() {
	tasks := make([]*task, len(h.b.Lines))
	for i := range tasks {
		tasks[i] = &task{held: h, index: i}
	}
	h.w.pool.add(tasks)
}

// over reports whether all that became of the batch is handed over.
func (h *held) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}

// probed notes that a target was probed for the first time, and is to be probed
// again.
func (h *held) probed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.first--
	h.handOver()
}

// finish takes the result of a target; again says that it was probed before. certs are
// the certificates that its row refers to.
func (h *held) finish(row sink.Row, again bool, certs []sink.Certificate, ev []sink.Evidence) {
	if h.w.o.Saw != nil {
		h.w.o.Saw(&row)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	if !again {
		h.first--
	}
	h.piece.Rows = append(h.piece.Rows, row)
	if h.certs == nil {
		h.certs = map[report.Hash]bool{}
	}
	for _, c := range certs {
		if !h.certs[c.SHA256] {
			h.certs[c.SHA256] = true
			h.piece.Certificates = append(h.piece.Certificates, c)
		}
	}
	h.piece.Evidence = append(h.piece.Evidence, ev...)
	h.handOver()
}

// flush hands over what there is.
func (h *held) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.send()
}

// handOver hands a piece over when all targets were probed once, and when all are
// done. It is called with the lock held.
func (h *held) handOver() {
	if h.open == 0 || h.first == 0 && 2*len(h.piece.Rows) >= h.open {
		h.send()
	}
}

func (h *held) send() {
	if len(h.piece.Rows) == 0 {
		return
	}
	piece := h.piece
	piece.Number, piece.Size = h.b.Number, h.b.Size
	h.piece, h.certs = sink.Batch{}, nil
	h.unhanded++
	h.w.mu.Lock()
	h.w.unhanded++
	h.w.mu.Unlock()
	h.w.delivery.Add(1)
	go h.deliver(piece)
}

// deliver brings a piece to the queue, however long that takes: a queue that takes
// no more results stops the worker, and nothing is lost.
func (h *held) deliver(piece sink.Batch) {
	defer h.w.delivery.Done()
	msgs, err := piece.Encode()
	for _, msg := range msgs {
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
			if err = h.w.j.Hand(context.Background(), msg); err == nil {
				break
			}
			if h.w.pool.ended() {
				break // it is given back
			}
			time.Sleep(wait)
		}
	}
	h.w.mu.Lock()
	h.w.unhanded--
	h.w.mu.Unlock()
	select {
	case h.w.room <- struct{}{}:
	default:
	}
	if err != nil {
		return // the batch comes again, and its targets are probed anew
	}
	h.mu.Lock()
	h.unhanded--
	over := h.open == 0 && h.unhanded == 0 && len(h.piece.Rows) == 0
	h.done = over
	h.mu.Unlock()
	if over {
		h.msg.Done()
		h.w.mu.Lock()
		delete(h.w.held, h)
		h.w.mu.Unlock()
	}
}
