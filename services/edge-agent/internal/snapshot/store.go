package snapshot

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// Store keeps the last good snapshot and the highest caller seen. The snapshot
// is the very stream of messages that would apply it, followed by what was
// rejected.
type Store struct{ dir string }

// Proved is what was proved last.
type Proved struct {
	Snapshot *Snapshot
	// Rejected are the sites that were sent with it and not taken over.
	Rejected []Rejection
	// At is when it was saved.
	At time.Time
}

// sitesPerMessage keeps messages of the file small enough to read.
const sitesPerMessage = 500

// NewStore makes the directory if it is missing.
func NewStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	return &Store{dir: dir}, nil
}

// Dir is where everything of the store is.
func (s *Store) Dir() string { return s.dir }

func (s *Store) snapshotFile() string { return filepath.Join(s.dir, "last_good.pb") }
func (s *Store) fenceFile() string    { return filepath.Join(s.dir, "fence.json") }

// Load returns what was proved last; its snapshot is nil when nothing was.
func (s *Store) Load() (Proved, error) {
	file, err := os.Open(s.snapshotFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Proved{}, nil
	}
	if err != nil {
		return Proved{}, fmt.Errorf("load the last good snapshot: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return Proved{}, fmt.Errorf("load the last good snapshot: %w", err)
	}
	change, rejected, err := readChange(bufio.NewReader(file))
	if err != nil {
		return Proved{}, s.damaged(err)
	}
	loaded, err := Next(nil, change)
	if err != nil {
		return Proved{}, s.damaged(errors.New("its digest does not come out"))
	}
	return Proved{Snapshot: loaded, Rejected: rejected, At: info.ModTime()}, nil
}

func (s *Store) damaged(err error) error {
	return fmt.Errorf("last good snapshot %s is damaged: %w; remove it, and the control plane will send everything again", s.snapshotFile(), err)
}

func readChange(reader *bufio.Reader) (Change, []Rejection, error) {
	change := Change{Whole: true}
	var rejected []Rejection
	for {
		message := new(edgev1.ApplyRequest)
		err := protodelim.UnmarshalOptions{MaxSize: -1}.UnmarshalFrom(reader, message)
		if errors.Is(err, io.EOF) {
			return change, rejected, nil
		}
		if err != nil {
			return Change{}, nil, err
		}
		if header := message.GetHeader(); header != nil {
			change.Fence, change.Digest = FenceOf(header.GetFence()), header.GetDigest()
		}
		change.Sites = append(change.Sites, message.GetSites().GetSites()...)
		answer := new(edgev1.ApplyResponse)
		if err := proto.Unmarshal(message.ProtoReflect().GetUnknown(), answer); err != nil {
			return Change{}, nil, err
		}
		rejected = append(rejected, rejectionsOf(answer.GetRejected())...)
	}
}

// Save replaces the last good snapshot durably.
func (s *Store) Save(edgeID string, proved Proved) error {
	err := replace(s.snapshotFile(), func(file io.Writer) error {
		for _, message := range saved(edgeID, proved) {
			if _, err := protodelim.MarshalTo(file, message); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save the last good snapshot: %w", err)
	}
	return nil
}

// saved returns the messages of the file. The answer comes last: its rejections
// are a field that no request has, so an agent that knows nothing of them reads
// a request without a part.
func saved(edgeID string, proved Proved) []proto.Message {
	snapshot := proved.Snapshot
	messages := []proto.Message{&edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Header{Header: &edgev1.ApplyHeader{
		EdgeId: edgeID, Fence: snapshot.Fence().Message(), Whole: true, Digest: snapshot.Digest(),
	}}}}
	for sites := range slices.Chunk(snapshot.Sites(), sitesPerMessage) {
		messages = append(messages, &edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Sites{Sites: &edgev1.ApplySites{Sites: sites}}})
	}
	if len(proved.Rejected) > 0 {
		messages = append(messages, &edgev1.ApplyResponse{Rejected: RejectionMessages(proved.Rejected)})
	}
	return messages
}

// Seen returns the highest caller whose apply was begun; the generation in it
// is the one it began with.
func (s *Store) Seen() (Fence, error) {
	data, err := os.ReadFile(s.fenceFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Fence{}, nil
	}
	if err != nil {
		return Fence{}, fmt.Errorf("load the fence: %w", err)
	}
	var fence Fence
	if err := json.Unmarshal(data, &fence); err != nil {
		return Fence{}, fmt.Errorf("fence %s is damaged: %w; remove it", s.fenceFile(), err)
	}
	return fence, nil
}

// Raise remembers fence durably when it comes from another caller than before.
// Within one caller generations come in order, and the last good snapshot holds
// the last one.
func (s *Store) Raise(before, fence Fence) error {
	if fence.sameCaller(before) {
		return nil
	}
	data, err := json.Marshal(fence)
	if err != nil {
		return fmt.Errorf("save the fence: %w", err)
	}
	write := func(file io.Writer) error {
		_, err := file.Write(append(data, '\n'))
		return err
	}
	if err := replace(s.fenceFile(), write); err != nil {
		return fmt.Errorf("save the fence: %w", err)
	}
	return nil
}

// replace writes a file so that a crash leaves the old or the new one.
func replace(path string, write func(io.Writer) error) error {
	next := path + ".next"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(file, 64<<10)
	if err = write(buffer); err == nil {
		err = buffer.Flush()
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
