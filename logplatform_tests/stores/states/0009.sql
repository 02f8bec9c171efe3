BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE alert (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	domain TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	title TEXT NOT NULL, 
	sample JSON NOT NULL, 
	recovery TEXT NOT NULL, 
	events BIGINT NOT NULL, 
	first_at DATETIME NOT NULL, 
	last_at DATETIME NOT NULL, 
	resolved_at DATETIME, 
	told_at DATETIME, 
	closed_at DATETIME, 
	message_id TEXT, 
	message_status TEXT, 
	message_body BLOB, 
	message_at DATETIME, 
	attempts INTEGER NOT NULL, 
	next_attempt_at DATETIME, 
	error TEXT, 
	CONSTRAINT pk_alert PRIMARY KEY (id)
);
CREATE TABLE alert_event (
	tenant TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_alert_event PRIMARY KEY (tenant, event_id)
);
CREATE TABLE centre_usinage (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	nom TEXT NOT NULL, 
	type_cu TEXT NOT NULL, 
	description TEXT NOT NULL, 
	actif BOOLEAN NOT NULL, 
	date_creation DATETIME NOT NULL, 
	CONSTRAINT pk_centre_usinage PRIMARY KEY (id), 
	CONSTRAINT uq_centre_usinage_tenant_nom UNIQUE (tenant, nom)
);
INSERT INTO "centre_usinage" VALUES(1,'default','DEM12','PVC','',1,'2025-11-22 08:30:00.000000');
CREATE TABLE content (
	domain TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	object_key TEXT NOT NULL, 
	landed_at DATETIME NOT NULL, 
	removed_at DATETIME, 
	lines BIGINT, 
	format TEXT, 
	content_sha256 TEXT, 
	content_size BIGINT, 
	content_key TEXT, 
	content_removed_at DATETIME, 
	parser_version TEXT, 
	CONSTRAINT pk_content PRIMARY KEY (domain, tenant, sha256)
);
INSERT INTO "content" VALUES('archives','default','abababababababababababababababababababababababababababababababab',120,'landing/default/archives/ab/abababababababababababababababababababababababababababababababab','2025-11-22 08:30:00.000000',NULL,3,'gzip','efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef',400,'extracted/default/archives/ab/abababababababababababababababababababababababababababababababab',NULL,'1');
INSERT INTO "content" VALUES('uploads','default','1212121212121212121212121212121212121212121212121212121212121212',321,'landing/default/uploads/12/1212121212121212121212121212121212121212121212121212121212121212','2025-11-22 08:30:00.000000',NULL,3,'json',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE dataset_file (
	id INTEGER NOT NULL, 
	dataset TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	partition TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	removed_at DATETIME, 
	CONSTRAINT pk_dataset_file PRIMARY KEY (id), 
	CONSTRAINT uq_dataset_file_key UNIQUE ("key")
);
INSERT INTO "dataset_file" VALUES(1,'archive_events','default','2025-11-22','datasets/default/archive_events/2025-11-22/1.parquet',2,1000,'2025-11-22 08:30:00.000000',NULL);
CREATE TABLE dataset_origin (
	origin TEXT NOT NULL, 
	file_id INTEGER NOT NULL, 
	rows BIGINT NOT NULL, 
	CONSTRAINT pk_dataset_origin PRIMARY KEY (origin, file_id), 
	CONSTRAINT fk_dataset_origin_file_id FOREIGN KEY(file_id) REFERENCES dataset_file (id) ON DELETE CASCADE
);
INSERT INTO "dataset_origin" VALUES('web1:app/a.log.gz:ef',1,2);
CREATE TABLE day_commit (
	domain TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	day DATE NOT NULL, 
	run_id TEXT NOT NULL, 
	batch_id TEXT, 
	counts JSON NOT NULL, 
	committed_at DATETIME NOT NULL, 
	reported BOOLEAN NOT NULL, 
	CONSTRAINT pk_day_commit PRIMARY KEY (domain, tenant, asset, day)
);
INSERT INTO "day_commit" VALUES('archives','default','archives/raw_archives','2025-11-22','run-1','20251122T083000-0123456789-1','{"in": 2}','2025-11-22 08:30:00.000000',1);
CREATE TABLE dead_letter (
	id INTEGER NOT NULL, 
	domain TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	day DATE NOT NULL, 
	raw BLOB NOT NULL, 
	reasons JSON NOT NULL, 
	tags JSON NOT NULL, 
	batch_id TEXT, 
	created_at DATETIME NOT NULL, 
	replayed_at DATETIME, 
	CONSTRAINT pk_dead_letter PRIMARY KEY (id), 
	CONSTRAINT uq_dead_letter_domain_tenant_origin_position UNIQUE (domain, tenant, origin, position)
);
INSERT INTO "dead_letter" VALUES(1,'archives','default','web1:app/a.log.gz:ef',2,'web1','app/a.log.gz','abababababababababababababababababababababababababababababababab','2025-11-22',X'FF00','["line 2 begins no event"]','["parse"]','20251122T083000-0123456789-1','2025-11-22 08:30:00.000000',NULL);
CREATE TABLE job_profil_row (
	version_id BIGINT NOT NULL, 
	rang INTEGER NOT NULL, 
	reference TEXT, 
	longueur NUMERIC(13, 4), 
	couleur TEXT NOT NULL, 
	details TEXT, 
	timestamp_debut DATETIME NOT NULL, 
	CONSTRAINT pk_job_profil_row PRIMARY KEY (version_id, rang)
)
 WITHOUT ROWID

;
CREATE TABLE lease (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	fence BIGINT NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
INSERT INTO "lease" VALUES('batch/20251122T083000-0123456789-1','host/1/run-1',3,'2025-11-22 08:30:00.000000');
CREATE TABLE machine_anomaly (
	session_id INTEGER NOT NULL, 
	rang INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	at DATETIME, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_machine_anomaly PRIMARY KEY (session_id, rang), 
	CONSTRAINT fk_machine_anomaly_session_id FOREIGN KEY(session_id) REFERENCES session_production (id)
);
CREATE TABLE machine_day (
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	folder TEXT NOT NULL, 
	day DATE NOT NULL, 
	final BOOLEAN NOT NULL, 
	versions INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	lines BIGINT NOT NULL, 
	events BIGINT NOT NULL, 
	dead_letters BIGINT NOT NULL, 
	duplicates BIGINT NOT NULL, 
	unended BIGINT NOT NULL, 
	derived_at DATETIME NOT NULL, 
	CONSTRAINT pk_machine_day PRIMARY KEY (tenant, source, folder, day)
);
CREATE TABLE observation (
	id INTEGER NOT NULL, 
	fingerprint BLOB NOT NULL, 
	domain TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	day DATE NOT NULL, 
	status TEXT NOT NULL, 
	error_kind TEXT, 
	error_type TEXT, 
	error TEXT, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	next_attempt_at DATETIME, 
	batch_id TEXT, 
	run_id TEXT, 
	sha256 TEXT, 
	first_seen DATETIME NOT NULL, 
	updated DATETIME NOT NULL, 
	CONSTRAINT pk_observation PRIMARY KEY (id), 
	CONSTRAINT uq_observation_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "observation" VALUES(1,X'000102030405060708090A0B0C0D0E0F','archives','default','web1','app/a.log.gz',120,1763800000000000000,'2025-11-22','processed',NULL,NULL,NULL,0,NULL,'20251122T083000-0123456789-1','run-1','abababababababababababababababababababababababababababababababab','2025-11-22 08:30:00.000000','2025-11-22 08:30:00.000000');
INSERT INTO "observation" VALUES(2,X'100102030405060708090A0B0C0D0E0F','archives','default','web1','app/cut.log.gz',77,1763800000000000001,'2025-11-22','error','corruption','permanent','app/cut.log.gz: ends inside a member',1,NULL,'20251122T083000-0123456789-1','run-1','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','2025-11-22 08:30:00.000000','2025-11-22 08:30:00.000000');
INSERT INTO "observation" VALUES(3,X'200102030405060708090A0B0C0D0E0F','archives','default','web2','new.log',5,1763800000000000002,'2025-11-22','pending',NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'2025-11-22 08:30:00.000000','2025-11-22 08:30:00.000000');
CREATE TABLE periode_arret_row (
	version_id BIGINT NOT NULL, 
	rang INTEGER NOT NULL, 
	timestamp_debut DATETIME NOT NULL, 
	timestamp_fin DATETIME, 
	duree_secondes NUMERIC(13, 3), 
	CONSTRAINT pk_periode_arret_row PRIMARY KEY (version_id, rang)
)
 WITHOUT ROWID

;
CREATE TABLE periode_attente_row (
	version_id BIGINT NOT NULL, 
	rang INTEGER NOT NULL, 
	timestamp_debut DATETIME NOT NULL, 
	timestamp_fin DATETIME NOT NULL, 
	duree_secondes NUMERIC(13, 3) NOT NULL, 
	CONSTRAINT pk_periode_attente_row PRIMARY KEY (version_id, rang)
)
 WITHOUT ROWID

;
CREATE TABLE piece_production_row (
	version_id BIGINT NOT NULL, 
	rang INTEGER NOT NULL, 
	numero_piece BIGINT, 
	timestamp_production DATETIME NOT NULL, 
	details TEXT, 
	CONSTRAINT pk_piece_production_row PRIMARY KEY (version_id, rang)
)
 WITHOUT ROWID

;
INSERT INTO "piece_production_row" VALUES(1,0,7,'2025-11-10 06:00:00.000000',NULL);
CREATE TABLE saved_search (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	parameters JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT uq_saved_search_tenant_name UNIQUE (tenant, name)
);
CREATE TABLE search_history (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	total BIGINT NOT NULL, 
	searched_at DATETIME NOT NULL, 
	CONSTRAINT pk_search_history PRIMARY KEY (id), 
	CONSTRAINT uq_search_history_tenant_parameters UNIQUE (tenant, parameters)
);
CREATE TABLE session_production (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	centre_usinage_id INTEGER NOT NULL, 
	date_production DATE NOT NULL, 
	heure_premiere_piece DATETIME, 
	heure_derniere_piece DATETIME, 
	heure_premier_machine_start DATETIME, 
	heure_dernier_machine_stop DATETIME, 
	total_pieces INTEGER NOT NULL, 
	duree_production_totale NUMERIC(10, 4), 
	temps_attente NUMERIC(10, 4), 
	temps_arret_volontaire NUMERIC(10, 4), 
	temps_production_effectif NUMERIC(10, 4), 
	taux_occupation NUMERIC(5, 2), 
	taux_attente NUMERIC(5, 2), 
	taux_arret_volontaire NUMERIC(5, 2), 
	fichier_log_source TEXT NOT NULL, 
	date_creation DATETIME NOT NULL, 
	partielle BOOLEAN NOT NULL, 
	version_id INTEGER NOT NULL, 
	empreinte TEXT NOT NULL, 
	CONSTRAINT pk_session_production PRIMARY KEY (id), 
	CONSTRAINT fk_session_production_centre_usinage_id FOREIGN KEY(centre_usinage_id) REFERENCES centre_usinage (id), 
	CONSTRAINT fk_session_production_version_id FOREIGN KEY(version_id) REFERENCES session_version (id), 
	CONSTRAINT uq_session_production_centre_usinage_id_date_production UNIQUE (centre_usinage_id, date_production)
);
INSERT INTO "session_production" VALUES(1,'default',1,'2025-11-10',NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'DEM12 (PVC)/20251110.LOG','2025-11-22 08:30:00.000000',0,1,'00');
CREATE TABLE session_version (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	centre_usinage_id INTEGER NOT NULL, 
	date_production DATE NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT fk_session_version_centre_usinage_id FOREIGN KEY(centre_usinage_id) REFERENCES centre_usinage (id)
);
INSERT INTO "session_version" VALUES(1,1,'2025-11-10','2025-11-22 08:30:00.000000');
CREATE TABLE ticket_client (
	tenant TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	CONSTRAINT pk_ticket_client PRIMARY KEY (tenant, client_id)
)
 WITHOUT ROWID

;
CREATE TABLE ticket_commit (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	ranges JSON NOT NULL, 
	messages BIGINT NOT NULL, 
	accepted BIGINT NOT NULL, 
	rejected BIGINT NOT NULL, 
	duplicates BIGINT NOT NULL, 
	conflicts BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	run_id TEXT NOT NULL, 
	day DATE NOT NULL, 
	committed_at DATETIME NOT NULL, 
	CONSTRAINT pk_ticket_commit PRIMARY KEY (id)
);
CREATE TABLE ticket_conflict (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	"offset" BIGINT NOT NULL, 
	ticket_id TEXT NOT NULL, 
	ticket JSON NOT NULL, 
	commit_id BIGINT NOT NULL, 
	CONSTRAINT pk_ticket_conflict PRIMARY KEY (id), 
	CONSTRAINT uq_ticket_conflict_tenant_source_topic_partition_offset UNIQUE (tenant, source, topic, partition, "offset")
);
CREATE TABLE ticket_offset (
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	next_offset BIGINT NOT NULL, 
	CONSTRAINT pk_ticket_offset PRIMARY KEY (tenant, source, topic, partition)
);
CREATE TABLE ticket_seen (
	tenant TEXT NOT NULL, 
	id BLOB NOT NULL, 
	digest BLOB NOT NULL, 
	commit_id BIGINT NOT NULL, 
	CONSTRAINT pk_ticket_seen PRIMARY KEY (tenant, id)
)
 WITHOUT ROWID

;
CREATE TABLE ticket_total (
	tenant TEXT NOT NULL, 
	request_type TEXT NOT NULL, 
	priority TEXT NOT NULL, 
	tickets BIGINT NOT NULL, 
	CONSTRAINT pk_ticket_total PRIMARY KEY (tenant, request_type, priority)
);
CREATE TABLE ticket_version (
	tenant TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_ticket_version PRIMARY KEY (tenant)
);
CREATE TABLE upload (
	job_id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	file_id TEXT NOT NULL, 
	filename TEXT NOT NULL, 
	unique_filename TEXT NOT NULL, 
	object_key TEXT NOT NULL, 
	file_size BIGINT NOT NULL, 
	file_type TEXT NOT NULL, 
	total_lines BIGINT NOT NULL, 
	preview JSON NOT NULL, 
	sha256 TEXT NOT NULL, 
	uploaded_at DATETIME NOT NULL, 
	status TEXT NOT NULL, 
	duplicate_of TEXT, 
	retry_count INTEGER NOT NULL, 
	error_message TEXT, 
	documents BIGINT, 
	dead_letters BIGINT, 
	updated_at DATETIME NOT NULL, 
	completed_at DATETIME, 
	failed_at DATETIME, duplicates BIGINT, expired BIGINT DEFAULT '0' NOT NULL, attempts INTEGER DEFAULT '0' NOT NULL, seconds FLOAT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_upload PRIMARY KEY (job_id)
);
INSERT INTO "upload" VALUES('cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','default','efefefefefefefefefefefefefefefef','events.json','20251122_083000_cdcdcdcd_events.json','landing/default/uploads/12/1212121212121212121212121212121212121212121212121212121212121212',321,'json',3,'[{"log_type": "web"}]','1212121212121212121212121212121212121212121212121212121212121212','2025-11-22 08:30:00.000000','pending',NULL,0,NULL,NULL,NULL,'2025-11-22 08:30:00.000000',NULL,NULL,NULL,0,0,0.0);
CREATE TABLE upload_event (
	tenant TEXT NOT NULL, 
	id BLOB NOT NULL, 
	origin BLOB NOT NULL, 
	CONSTRAINT pk_upload_event PRIMARY KEY (tenant, id)
)
 WITHOUT ROWID

;
CREATE TABLE upload_job (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	available_at DATETIME NOT NULL, 
	claims INTEGER NOT NULL, holder TEXT, file_id TEXT, file_path TEXT, file_type TEXT, total_lines BIGINT, 
	CONSTRAINT pk_upload_job PRIMARY KEY (id), 
	CONSTRAINT uq_upload_job_tenant_job_id UNIQUE (tenant, job_id)
);
INSERT INTO "upload_job" VALUES(1,'default','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','2025-11-22 08:30:00.000000','2025-11-22 08:30:00.000000',0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE upload_request (
	tenant TEXT NOT NULL, 
	request_key TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_upload_request PRIMARY KEY (tenant, request_key)
)
 WITHOUT ROWID

;
INSERT INTO "upload_request" VALUES('default','key-1','job-1','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','2026-03-01 10:00:00.000000');
CREATE TABLE upload_stale_day (
	tenant TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	event_day TEXT NOT NULL, 
	received_day DATE NOT NULL, 
	mark TEXT NOT NULL, 
	CONSTRAINT pk_upload_stale_day PRIMARY KEY (tenant, asset, event_day, received_day)
);
CREATE INDEX ix_content_content_sha256 ON content (domain, tenant, content_sha256);
CREATE INDEX ix_dataset_file_partition ON dataset_file (dataset, tenant, partition);
CREATE INDEX ix_day_commit_reported ON day_commit (domain, tenant, reported);
CREATE INDEX ix_dead_letter_day ON dead_letter (domain, tenant, day);
CREATE INDEX ix_observation_batch_id ON observation (batch_id);
CREATE INDEX ix_observation_day ON observation (domain, tenant, day);
CREATE INDEX ix_observation_open ON observation (domain, tenant, day, id) WHERE status IN ('pending', 'copied', 'extracted', 'error');
CREATE INDEX ix_observation_path ON observation (domain, tenant, source, path);
CREATE INDEX ix_observation_sha256 ON observation (domain, tenant, sha256);
CREATE INDEX ix_dataset_origin_file_id ON dataset_origin (file_id);
CREATE INDEX ix_machine_day_day ON machine_day (tenant, day);
CREATE INDEX ix_session_version_day ON session_version (centre_usinage_id, date_production);
CREATE INDEX ix_session_production_date ON session_production (tenant, date_production);
CREATE VIEW job_profil AS SELECT session_production.id AS session_id, reference, longueur, couleur, details, timestamp_debut FROM session_production JOIN job_profil_row ON job_profil_row.version_id = session_production.version_id;
CREATE VIEW periode_attente AS SELECT session_production.id AS session_id, timestamp_debut, timestamp_fin, duree_secondes FROM session_production JOIN periode_attente_row ON periode_attente_row.version_id = session_production.version_id;
CREATE VIEW periode_arret AS SELECT session_production.id AS session_id, timestamp_debut, timestamp_fin, duree_secondes FROM session_production JOIN periode_arret_row ON periode_arret_row.version_id = session_production.version_id;
CREATE VIEW piece_production AS SELECT session_production.id AS session_id, numero_piece, timestamp_production, details FROM session_production JOIN piece_production_row ON piece_production_row.version_id = session_production.version_id;
CREATE INDEX ix_ticket_commit_day ON ticket_commit (tenant, day);
CREATE INDEX ix_upload_sha256 ON upload (tenant, sha256);
CREATE INDEX ix_upload_status ON upload (tenant, status, uploaded_at);
CREATE INDEX ix_upload_uploaded_at ON upload (tenant, uploaded_at);
CREATE INDEX ix_upload_job_available_at ON upload_job (tenant, available_at);
CREATE INDEX ix_search_history_searched_at ON search_history (tenant, searched_at);
CREATE INDEX ix_upload_event_origin ON upload_event (tenant, origin);
CREATE INDEX ix_upload_sums ON upload (tenant, status, total_lines, documents, dead_letters, duplicates, expired, attempts, seconds, file_size);
CREATE UNIQUE INDEX ix_alert_firing ON alert (tenant, domain, kind, reason) WHERE resolved_at IS NULL;
CREATE INDEX ix_alert_open ON alert (tenant, id) WHERE closed_at IS NULL;
CREATE INDEX ix_observation_standing ON observation (domain, tenant, status, source, error_kind, error_type, updated);
CREATE INDEX ix_dead_letter_open ON dead_letter (domain, tenant, source, replayed_at) WHERE replayed_at IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('session_version',1);
COMMIT;
