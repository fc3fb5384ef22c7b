"""Which rows of the course's list each formula proves."""

TABLE = """
activations.step: BAS-05 ACT-14
activations.sigmoid: ACT-01
activations.sigmoid_slope: ACT-01 ACT-17 ACT-19
activations.tanh: ACT-02
activations.tanh_slope: ACT-02 ACT-17
activations.relu: ACT-03
activations.relu_slope: ACT-03 ACT-16 ACT-17
activations.leaky_relu: ACT-04 ACT-05 ACT-16
activations.parametric_relu_gradient: ACT-05
activations.swish: ACT-06
activations.elu: ACT-07
activations.selu: ACT-08
activations.softmax: ACT-09 ACT-10 ACT-11 ACT-12 ACT-13 TRF-37
adversarial.dcgan_generator_parameters: GAN-10
adversarial.dcgan_discriminator_parameters: GAN-11 GAN-22
adversarial.feature_matching_loss: GAN-29
adversarial.minibatch_discrimination: GAN-27 GAN-28
adversarial.bilinear_step: GAN-31 GAN-41
adversarial.unrolled_slope: GAN-30
adversarial.fade_in: GAN-32
adversarial.cycle_loss: GAN-34
adversarial.pix2pix_loss: GAN-35
adversarial.patch_grid: GAN-35
adversarial.information_bound: GAN-37
adversarial.semi_supervised_loss: GAN-39
anchors.anchor_shapes: DET-06
anchors.anchors: DET-06
anchors.encode: DET-06 DET-09
anchors.decode: DET-06 DET-09
anchors.assign: DET-06 DET-12 DET-18
anchors.prior_bias: DET-09 DET-18
anchors.pyramid_levels: DET-08 DET-09
attention.attention_weights: TRF-12 TRF-13 TRF-15
attention.attention: TRF-12 TRF-14 TRF-16 TRF-17
attention.causal_mask: TRF-20
attention.multi_head_attention: TRF-14 TRF-19 TRF-28
attention.additive_attention_weights: RNN-30
attention.dot_attention_weights: RNN-30 TRF-12
attention.attention_scores: TRF-30
attention.windowed_scores: CNA-26
attributions.grad_cam: DBG-14
attributions.grad_cam_plus_plus: DBG-14
attributions.integrated_gradients: DBG-14
attributions.smooth_grad: DBG-14
attributions.occlusion: DBG-14
attributions.attention_rollout: DBG-16
augmentation.rotation_factor: DAT-09 DAT-10
augmentation.center_crop: DAT-04
augmentation.affine: DAT-03 DAT-11
augmentation.warp: DAT-03 DAT-11
augmentation.move_boxes: DAT-25
augmentation.jitter_color: DAT-03 DAT-11
augmentation.pca_color: DAT-12
augmentation.mixup: DAT-08
augmentation.cutmix: DAT-08
autoencoders.autoencoder: AEN-01 AEN-07
autoencoders.compression_ratio: AEN-05 AEN-31 DIF-09
autoencoders.principal_components: AEN-06
autoencoders.sparsity_penalty: AEN-08 REG-24
autoencoders.gaussian_noise: AEN-10
autoencoders.masking_noise: AEN-10 DAT-13
autoencoders.salt_and_pepper: AEN-10 DAT-13
autoencoders.denoising_loss: AEN-10 AEN-11
autoencoders.contractive_penalty: AEN-12 REG-24
autoencoders.stretch: AEN-42
autoencoders.masked_mean_squared_error: AEN-30 AEN-36
autoencoders.is_anomaly: AEN-29
basics.perceptron: BAS-05
basics.perceptron_update: BAS-07
basics.logistic_neuron: BAS-06
basics.dense: BAS-08 TRF-39
basics.dense_parameters: BAS-04 BAS-25 AEN-02 AEN-03 AEN-04 AEN-14 CNA-28 GAN-05 TRL-02
basics.collapse: BAS-11 ACT-15
basics.universal_approximation: BAS-10
basics.forward_propagation: BAS-12
basics.chain_rule: BAS-14
basics.backpropagation: BAS-13 INI-01
basics.gradient_descent: BAS-15 BAS-20 OPT-01
basics.steps_per_epoch: BAS-16 BAS-17 BAS-18
bayesian_optimization.normal_density: HPO-08
bayesian_optimization.normal_probability: HPO-08 HPO-10
bayesian_optimization.log_uniform: HPO-04
bayesian_optimization.squared_exponential: HPO-07
bayesian_optimization.matern: HPO-07
bayesian_optimization.gaussian_process: HPO-06 HPO-07
bayesian_optimization.expected_improvement: HPO-08
bayesian_optimization.upper_confidence_bound: HPO-09
bayesian_optimization.probability_of_improvement: HPO-10
blocks.normalized: CNA-12 CNA-15
blocks.residual: CNA-14
blocks.squeeze_excitation: CNO-55 CNA-27
blocks.dense_connections: CNA-18 CNA-19
blocks.basic_block: CNA-12 CNA-15
blocks.bottleneck_block: CNA-13 CNA-22 CNO-52
blocks.inception: CNA-11
blocks.transition: CNA-18
blocks.depthwise_separable_block: CNA-21 CNO-45
blocks.convnext_block: CNA-24
boltzmann.hidden_probability: TRL-19
boltzmann.free_energy: TRL-19
boltzmann.contrastive_divergence: TRL-19
boltzmann.pseudo_likelihood: TRL-19
bounds.importance_weighted_bound: MET-06
boxes.to_center: DET-02
boxes.to_corners: DET-02
boxes.area: DET-02
boxes.iou: DET-11 MET-03 MET-13
boxes.non_maximum_suppression: DET-07
boxes.soft_non_maximum_suppression: DET-07
boxes.sliding_windows: DET-04
codebook.nearest_codes: AEN-34
codebook.quantization_loss: AEN-34
codebook.straight_through_gradient: AEN-34
codebook.code_perplexity: AEN-34
contrastive.unit: SSL-02 SSL-09
contrastive.nt_xent: SSL-02
contrastive.info_nce: SSL-06
contrastive.slow_copy: SSL-06 SSL-07 SSL-13
contrastive.enqueue: SSL-06
contrastive.byol_loss: SSL-07
contrastive.visible_patches: SSL-08
contrastive.hidden_patch_loss: SSL-08
contrastive.clip_loss: SSL-09
contrastive.zero_shot: SSL-10
contrastive.alignment: SSL-04
contrastive.uniformity: SSL-04
convolution.filter_image: CNO-02 CNO-05
convolution.convolution: CNO-01 CNO-17 CNO-21 CNO-25
convolution.grouped_convolution: CNO-46
convolution.separable_convolution: CNO-45 CNO-47
convolution.dilate: CNO-44
convolution.pad: CNO-11 CNO-14 CNO-15 CNO-16 DAT-15
convolution.same_padding: CNO-12
convolution.output_size: CNO-03 CNO-13 CNO-18 CNA-07
convolution.transposed_output_size: CNO-39
convolution.convolution_parameters: CNO-19 CNO-22 CNO-23 CNO-50 CNO-52 CNA-09
convolution.convolution_macs: CNO-20
convolution.receptive_field: CNO-50 CNO-51 DET-23
convolution_variants.translate: CNO-25
convolution_variants.locally_connected: CNO-24
convolution_variants.locally_connected_parameters: CNO-24
convolution_variants.spatially_separable_convolution: CNO-48
convolution_variants.gated_convolution: CNO-49
convolution_variants.dynamic_convolution: CNO-49
data.normalize: DAT-05 DAT-06 DAT-07
data.batch_sizes: DAT-01
data.hold_out: DAT-24
data.windows: DAT-23
data.moving_average: DAT-23
data.spectrogram: DAT-26
data_parallel.mean_of_parts: TRN-16
data_parallel.ring_all_reduce: TRN-16
data_parallel.ring_bytes: TRN-16
data_parallel.ring_seconds: TRN-16
data_parallel.slowest: TRN-16
data_parallel.step_seconds: TRN-16
detection.localization_loss: DET-03
detection.focal_loss: DET-10 DET-18
detection.smooth_l1: LOS-12
detection.detector_loss: LOS-12
detection.matches: DET-12
detection.precision_recall: DET-13 MET-02
detection.average_precision: DET-13 MET-03
detection.average_recall: DET-14 MET-03
diagnosis.gradient_health: DBG-03
diagnosis.slope_along: DBG-04
diagnosis.relative_error: DBG-04
diffusion.forward_step: DIF-01 DIF-20
diffusion.linear_betas: DIF-03
diffusion.signal_left: DIF-02
diffusion.cosine_signal: DIF-03
diffusion.cosine_betas: DIF-03
diffusion.noised: DIF-02
diffusion.original: DIF-04
diffusion.noise_loss: DIF-05
diffusion.reverse_step: DIF-06
diffusion.time_embedding: DIF-07
diffusion.guided: DIF-08
diffusion.keep_known: DIF-17
diffusion.controlled: DIF-11
distillation.soft_targets: CMP-02
distillation.soft_loss: CMP-01
distillation.distillation_loss: CMP-01 CMP-04
domain.density_ratio: TRL-14 TRL-16
domain.maximum_mean_discrepancy: TRL-15
domain.coral: TRL-15
domain.reversed_gradient: TRL-17
domain.reversal_rate: TRL-17
embeddings.one_hot: TRF-08
embeddings.embed: TRF-09
embeddings.unembed: TRF-10
embeddings.dot_similarity: TRF-03 TRF-04
embeddings.cosine_similarity: TRF-02 TRF-04
embeddings.euclidean_distance: TRF-02 TRF-04
embeddings.analogy: TRF-01 TRF-05
embeddings.skip_gram_loss: TRF-06
embeddings.glove_loss: TRF-06
embeddings.character_ngrams: TRF-06
embeddings.fraction_near_right_angle: TRF-26
feature_pyramid.top_down: DET-08
feature_pyramid.feature_pyramid: DET-08
filters.template_strength: CNO-04 CNO-06
filters.edges: CNO-07
filters.blur: CNO-09
filters.sharpen: CNO-10
filters.sobel: CNO-08
generative.reparameterize: AEN-13 AEN-15
generative.kl_to_standard_normal: AEN-16
generative.bernoulli_log_likelihood: AEN-20
generative.gaussian_log_likelihood: AEN-17 AEN-20
generative.elbo: AEN-17 AEN-18 MET-06
generative.optimal_discriminator: GAN-01 GAN-09
generative.minimax_value: GAN-01
generative.discriminator_loss: GAN-02 GAN-21
generative.generator_loss: GAN-03 GAN-04 GAN-08
generative.generator_slope: GAN-03 GAN-04 GAN-40
generative.modes_covered: GAN-27 MET-10
gradients.central_differences: BAS-13
gradients.through_layers: BAS-21 BAS-22
gradients.clip_by_value: BAS-23
gradients.clip_by_norm: BAS-24
gradients.clip_by_global_norm: BAS-22 BAS-24 RNN-09
gradients.softmax_gradient: ACT-09
gradients.cross_entropy_gradient: LOS-06
gradients.batch_normalization_gradient: REG-07
gradients.attention_gradient: TRF-12
gradients.recurrent_jacobian: RNN-06 RNN-07
gradients.backpropagation_through_time: RNN-05
graphs.normalized_adjacency: OTH-08
graphs.graph_convolution: OTH-08
initializers.fans: INI-03
initializers.variance_after: INI-02 INI-06 INI-07
initializers.xavier_deviation: INI-04
initializers.xavier_limit: INI-03 INI-08
initializers.he_deviation: INI-06
initializers.he_limit: INI-05 INI-08
initializers.uniform_limit: INI-09
initializers.truncated_deviation: INI-04 INI-06
initializers.effective_rate: INI-11 REG-11
interpolation.line: AEN-22
interpolation.arc: GAN-15
language.mask_tokens: TRF-41
language.masked_cross_entropy: TRF-41
language.choose: RNN-22 TRF-37 TRF-38
language.generate: RNN-22 TRF-36
losses.mean_squared_error: LOS-01 LOS-11
losses.perceptual_loss: LOS-10 TRL-12
losses.binary_cross_entropy: LOS-02 LOS-03 LOS-11
losses.binary_cross_entropy_with_logits: LOS-04
losses.cross_entropy: LOS-05
losses.categorical_cross_entropy: LOS-05 REG-18
losses.kl_divergence: LOS-09
losses.perplexity: MET-11
metrics.top_k_accuracy: MET-01
metrics.f1: MET-02
metrics.root_mean_squared_error: MET-15
metrics.frechet_distance: MET-04
metrics.kernel_distance: MET-17
metrics.inception_score: MET-05
metrics.psnr: MET-07
metrics.ssim: MET-07
metrics.bleu: MET-12
metrics.area_under_roc: MET-08
metrics.calibration_error: MET-18
networks.vgg: CNA-10 CNA-35
networks.simple_cnn: CNA-01 CNA-02 CNA-03 CNO-54
networks.budget: CNA-04 CNA-05 CNA-06 CNA-34 MET-14
networks.trained: CNA-34
networks.unet_sizes: DET-15
networks.unet_parameters: DET-15
normalization.standardized: REG-07 REG-15
normalization.batch_normalization: REG-07 REG-08 REG-12 REG-13
normalization.running_average: REG-09
normalization.batch_normalization_inference: REG-09 TRL-04
normalization.layer_normalization: REG-15 TRF-22
normalization.group_normalization: REG-15
normalization.local_response_normalization: CNA-08 REG-16
normalization.spectral_normalization: REG-22 GAN-23
optimizers.default_rate: OPT-12
optimizers.momentum: OPT-03 OPT-13 OPT-14
optimizers.momentum_downhill: OPT-02
optimizers.momentum_of_gradients: OPT-04
optimizers.nesterov: OPT-05
optimizers.nesterov_ahead: OPT-05
optimizers.adagrad: OPT-06
optimizers.rmsprop: OPT-07
optimizers.adam_without_correction: OPT-08
optimizers.adam: OPT-09 OPT-10 OPT-15
optimizers.adamw: OPT-11 REG-20
patches.patchify: TRF-47 TRF-48
patches.unpatchify: TRF-48
patches.patch_embedding: TRF-47 TRF-49
perturbations.fast_gradient_sign: OTH-02
pooling.windows: CNO-31
pooling.max_pooling: CNO-28 CNO-31
pooling.average_pooling: CNO-29
pooling.l2_pooling: CNO-32
pooling.global_average_pooling: CNO-26 CNO-30 CNA-28
pooling.max_and_average_pooling: CNO-34
pooling.stochastic_pooling_chances: CNO-33
pooling.stochastic_pooling: CNO-33
pruning.magnitude_mask: CMP-08
pruning.two_of_four: CMP-08
pruning.sparsity_schedule: CMP-08
pruning.bits_per_weight: CMP-09
quantization.affine: CMP-06
quantization.symmetric: CMP-05
quantization.quantize: CMP-06
quantization.dequantize: CMP-07
quantization.dynamic_range_dense: CMP-05
quantization.weight_bytes: CMP-05 CMP-16 MET-14
recommendation.recommend: OTH-04
recurrent.rnn_step: RNN-01
recurrent.recurrent_parameters: RNN-01 RNN-02 RNN-17 RNN-20 RNN-24
recurrent.lstm_gates: RNN-15 RNN-18
recurrent.lstm_step: RNN-15 RNN-17 RNN-18
recurrent.peephole_lstm_step: RNN-16
recurrent.gru_step: RNN-23 RNN-27
regularization.l1_penalty: LOS-07 REG-01 AEN-09
regularization.l2_penalty: LOS-08 REG-02 REG-20
regularization.elastic_net_penalty: REG-03
regularization.soft_threshold: REG-01
regularization.ridge: REG-02
regularization.dropout: REG-04
regularization.dropout_variance: REG-14
regularization.drop_connect: REG-05
regularization.smooth_labels: REG-18 TRN-06
regularization.early_stopping: REG-06
regularization.ensemble: REG-21
schedules.constant: SCH-01
schedules.step_decay: SCH-02
schedules.exponential_decay: SCH-03
schedules.cosine_annealing: SCH-04 SCH-05
schedules.polynomial_decay: SCH-06
schedules.reduce_on_plateau: SCH-07
schedules.triangle: SCH-08
schedules.cyclical: SCH-08
schedules.one_cycle: SCH-09
schedules.one_cycle_momentum: SCH-09
schedules.warm_up: SCH-10 TRN-17
schedules.warm_up_cosine: SCH-11
schedules.transformer: SCH-10
schedules.range_test: SCH-12
schedules.steepest: SCH-12
segmentation.confusion_matrix: DBG-20 DET-24
segmentation.class_iou: DET-11 DET-24
segmentation.class_dice: DET-17
segmentation.dice_loss: DET-17
segmentation.painted: DET-16
styles.adaptive_instance_normalization: GAN-36
styles.demodulated: GAN-36
texture.gram_matrix: OTH-13
texture.style_loss: OTH-13
training.teacher_forcing: TRN-01
training.professor_forcing: TRN-05
training.scheduled_sampling: TRN-02
training.scheduled_sampling_linear: TRN-02
training.scheduled_sampling_exponential: TRN-02
training.curriculum: TRN-03 TRN-04
training.accumulate: OPT-16 TRN-12 RNN-11 RNN-37
training.linear_scaling: TRN-17
training.through_half: TRN-11
training.loss_scale: TRN-11
transfer.discriminative_rates: TRL-05 TRL-06 TRL-07
transfer.tuned_parameters: CNA-20 TRL-02 TRL-03
transfer.preprocess: TRL-09 TRF-51 GAN-18
transformer.feed_forward: TRF-24 TRF-25
transformer.transformer_block: TRF-16 TRF-23 TRF-27
transformer.sinusoidal_positions: TRF-21
transformer.rotary_positions: TRF-21
transformer_counts.attention_parameters: TRF-14 TRF-19
transformer_counts.block_parameters: TRF-24 TRF-27
transformer_counts.gpt_parameters: TRF-10 TRF-27 TRF-31
transformer_counts.gpt_matrices: TRF-09 TRF-32 TRF-33 TRF-34
transformer_counts.bert_parameters: TRF-40
transformer_counts.vit_parameters: TRF-47
unrolling.unroll: RNN-02 RNN-03 RNN-36
unrolling.bidirectional: RNN-12 RNN-13
unrolling.carry_over_padding: RNN-14
unrolling.truncated_backpropagation_through_time: RNN-10 RNN-11 RNN-37
unrolling.cell_state_gradient: RNN-19
unrolling.recursive_step: RNN-31
unrolling.compose: RNN-31 RNN-32
upsampling.bed_of_nails: CNO-37
upsampling.max_unpooling: CNO-38
upsampling.transposed_convolution: CNO-39 CNO-40
upsampling.overlaps: CNO-41
upsampling.nearest_upsampling: CNO-42
upsampling.bilinear_upsampling: CNO-43
upsampling.pixel_shuffle: CNO-43
vision_counts.resnet_layers: CNA-16
vision_counts.bottleneck_parameters: CNA-13 CNA-16
vision_counts.resnet_parameters: CNA-16 TRL-02
vision_counts.densenet_parameters: CNA-18 CNA-20
vision_counts.mobile_parameters: CNA-21 CNA-23
vision_counts.fused_parameters: CNA-23
vision_counts.efficientnet_parameters: CNA-21 CNA-23
vision_counts.mobilenet_parameters: CNA-21
vision_counts.convnext_parameters: CNA-24
wasserstein.critic_loss: GAN-24
wasserstein.generator_loss: GAN-24
wasserstein.clip_weights: GAN-24
wasserstein.gradient_penalty: GAN-25
wasserstein.wasserstein_distance: GAN-24
"""

ROWS = {
    name: codes.split() for name, codes in (line.split(": ") for line in TABLE.strip().splitlines())
}
